/** @file Self-check of models: graphs of random ones, and the real model against PyTorch and against itself. */
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import type { WorkContext } from '../core/progress.ts';
import { i64, type Tensor } from '../core/tensor.ts';
import { feedAt, only, read } from '../graph/interventions.ts';
import { openSession } from '../runtime/session.ts';
import { damagedWeights } from './convert.ts';
import { demoModelRows } from './demo-model-rows.ts';
import { familiesFromCut } from './family-checks.ts';
import { cutsError, lostLandmarks } from './free-checks.ts';
import { compareWithReference } from './reference.ts';
import { openSteps } from './steps.ts';
import { summariseModel } from './summary.ts';
import { tinyLlama } from './tiny.ts';
import type { Model } from './types.ts';

const area = 'models';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

type Context = WorkContext & { readonly threads: number };

export const checks: Check[] = [
  { area, rows: tinyRows },
  { area, rows: (context) => demoModelRows(area, context, (model) => realRows(model, context)) },
];

const distance = (a: Tensor, b: Tensor): number => {
  let most = 0;
  for (let i = 0; i < a.data.length; i++)
    most = Math.max(most, Math.abs(Number(a.data[i]) - Number(b.data[i])));
  return most;
};

async function run(graph: Model['graph'], feeds: Record<string, Tensor>, threads: number) {
  const session = await openSession(graph, { threads });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

async function tinyRows({ threads }: Context): Promise<CheckRow[]> {
  const tokens = i64([2, 5], [7, 60, 3, 200, 9, 1, 2, 3, 4, 5]);
  const model = tinyLlama(3);
  const cut = 'blocks.0.hook_resid_post';
  const whole = await run(read(model.graph, [cut]), { tokens }, threads);
  const rest = await run(only(feedAt(model.graph, [cut]), ['logits']), { [cut]: whole[cut]! }, threads);
  const exact = await run(tinyLlama(3, { dtype: 'float64' }).graph, { tokens }, threads);
  const families = await familiesFromCut(threads);
  return [
    row(
      'tiny Llama run from a cut: logits differ from the whole run by',
      distance(rest.logits!, whole.logits!),
      1e-5,
    ),
    row(
      `tiny models of ${families.families} families run from a cut: logits differ from the whole run by`,
      families.worst,
      1e-5,
    ),
    row('tiny Llama: float32 logits differ from float64 by', distance(whole.logits!, exact.logits!), 1e-3),
    row(
      'tiny Llama written step by step: logits with the key–value cache differ from the whole text by',
      await cacheError(model, threads),
      1e-4,
    ),
    row(
      'tiny Llama differentiated from cut to cut: gradients differ from the whole graph by',
      await cutsError(threads),
      1e-6,
    ),
    row('states of the residual stream that the graph alone does not tell', lostLandmarks(), 0),
  ];
}

/** Largest difference of logits along a text between steps with and without the cache. */
async function cacheError(model: Model, threads: number): Promise<number> {
  const ids = [7, 60, 3, 200, 9, 1, 2, 3, 4, 5];
  const options = { threads, positions: ids.length };
  const kept = await openSteps(model, options);
  const whole = await openSteps(model, { ...options, cache: false });
  let most = 0;
  for (let n = 3; n <= ids.length; n++) {
    const [a, b] = [await kept.after(ids.slice(0, n)), await whole.after(ids.slice(0, n))];
    for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  }
  await kept.close();
  await whole.close();
  return most;
}

async function realRows(model: Model, { threads, signal }: Context): Promise<CheckRow[]> {
  const options = { threads, ...(signal ? { signal } : {}) };
  const damaged = await damagedWeights(model.graph.weights.values());
  const { worst, reordered, prompts } = await compareWithReference(model, options);
  const { logits } = await summariseModel(model, options);
  return [
    row('SmolLM2: converted weights files with a wrong checksum', damaged.length, 0),
    row(`SmolLM2: logits differ from PyTorch over ${prompts} prompts by`, worst, 2e-3),
    row('SmolLM2: prompts with another order of the five likeliest tokens', reordered.length, 0),
    row(
      `SmolLM2: indirect-object prompts answered wrongly, of ${logits.of}`,
      logits.of - logits.ioiCorrect,
      0,
    ),
    row(
      'SmolLM2: P(" Mary") after the canonical prompt differs from 0.92 by',
      Math.abs(logits.pMary - 0.92),
      0.01,
    ),
  ];
}
