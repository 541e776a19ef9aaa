/** @file Self-checks of the bias study: erasers on a planted bias, edits of rows against edits of positions and of the graph, volumes. */
import { networkOf } from '../../circuits/cuts.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { type CheckRow, checkRow } from '../../core/check.ts';
import { silent } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { neurons } from '../../dictionaries/neurons.ts';
import { tinyLlama } from '../../models/tiny.ts';
import { openSession } from '../../runtime/session.ts';
import { applyEdit } from '../apply.ts';
import { parseChange } from '../edit-file.ts';
import { leace } from '../erasure/leace.ts';
import { textFigures } from '../measure.ts';
import { editedStates } from './apply.ts';
import { type Costs, hypervolume } from './hypervolume.ts';
import type { BiasProblem, BiasRows, PooledEdit } from './problem.ts';
import { labelled } from './selection.ts';
import { biasStudy } from './study.ts';
import { openTextCollateral } from './text-collateral.ts';
import type { BiasMethod } from './types.ts';

/** Rows of the study's promises that need no model of a user's. */
export async function biasRows(area: string): Promise<CheckRow[]> {
  const problem = planted();
  const { before, erased } = await leakages(problem);
  const chance = (method: BiasMethod) => Math.abs(erased.get(method)!.leakage - 0.5);
  return [
    checkRow(area, 'planted bias, nothing edited: what a linear probe misses of it', 1 - before, 0.05),
    checkRow(
      area,
      'difference in means: leakage of the planted bias off chance',
      chance('mean-difference'),
      0.1,
    ),
    checkRow(area, 'LEACE: leakage of the planted bias off chance', chance('leace'), 0.1),
    checkRow(area, 'SHIFT by rule: leakage of the planted bias off chance', chance('shift'), 0.1),
    checkRow(
      area,
      'all three: share of balanced rows whose field the edited classifier misses, at most',
      Math.max(...[...erased.values()].map(({ field }) => 1 - field)),
      0.1,
    ),
    checkRow(
      area,
      'edit of a mean row against the mean of edited rows: largest |Δ|',
      pooledError(problem),
      1e-12,
    ),
    checkRow(
      area,
      'edit of rows at every position against the same edit in the graph: |ΔKL|/KL',
      await graphError(),
      1e-4,
    ),
    checkRow(area, 'hypervolume against counting cells: largest |Δ|', volumeError(), 1e-12),
  ];
}

const D = 8;

/** Gender on coordinate 0 (3 apart), field on coordinate 1 (2 apart), noise of 0.4 everywhere; features are the coordinates. */
function planted(): BiasProblem {
  const chance = random(17);
  const rows = (name: string, cells: readonly (readonly [0 | 1, 0 | 1])[], each: number): BiasRows => {
    const all = cells.flatMap((cell) => Array.from({ length: each }, () => cell));
    const x_ND = Float32Array.from(
      all.flatMap(([field, gender]) =>
        Array.from({ length: D }, (_, d) => {
          const mean = d === 0 ? 3 * gender - 1.5 : d === 1 ? 2 * field - 1 : 0;
          return mean + 0.4 * chance.normal();
        }),
      ),
    );
    return {
      ...{ x_ND, features_NF: x_ND, swapped_N: new Uint8Array(all.length) },
      outcome_N: Uint8Array.from(all, ([field]) => field),
      protected_N: Uint8Array.from(all, ([, gender]) => gender),
      ids: all.map((_, n) => `${name}/${n}`),
    };
  };
  const confounded = [
    [0, 0],
    [1, 1],
  ] as const;
  const every = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const;
  return {
    name: 'a self-check',
    outcome: { name: 'field', values: ['A', 'B'] },
    protected: { name: 'gender', values: ['male', 'female'] },
    ...{ width: D, features: D },
    W_dec_FD: Float32Array.from({ length: D * D }, (_, i) => (i % (D + 1) === 0 ? 1 : 0)),
    train: rows('train', confounded, 60),
    retain: rows('retain', confounded, 8),
    auxiliary: rows('auxiliary', every, 100),
    balanced: rows('balanced', every, 60),
    oracleTrain: rows('oracle', every, 60),
    collateral: async () => ({
      kl: { value: 0, low: 0, high: 0, n: 1 },
      kl_W: [0],
      perplexity: 1,
      deltaX: 0,
    }),
  };
}

async function leakages(problem: BiasProblem) {
  const methods = ['original', 'mean-difference', 'leace', 'shift'] as const;
  const options = { probes: 1, curve: 1, resamples: 2, seed: 0, methods };
  const { rows } = await biasStudy([problem], options, { progress: silent });
  const found = new Map(
    rows.map(({ method, leakage, figures }) => [
      method,
      { leakage: leakage.linear.value, field: figures.fieldAccuracy.value },
    ]),
  );
  const before = found.get('original')!.leakage;
  found.delete('original');
  return { before, erased: found };
}

/** Of strengths, an eraser and coordinates. */
function pooledError(problem: BiasProblem): number {
  const { auxiliary, balanced, protected: _, ...decoder } = problem;
  const eraser = leace(labelled(auxiliary.x_ND, D, auxiliary.protected_N));
  const edits: PooledEdit[] = [
    { kind: 'strengths', features: [0, 3], alpha: Float64Array.of(0, 1.7) },
    { kind: 'eraser', eraser, strength: 0.6 },
    { kind: 'coordinates', coordinates: [1, 2], mean_D: new Float64Array(D).fill(0.3), strength: 1 },
  ];
  const mean = (values: ArrayLike<number>) => {
    const out = new Float64Array(D);
    for (let i = 0; i < values.length; i++) out[i % D]! += (values[i]! * D) / values.length;
    return out;
  };
  // Rows in float64, as pooled rows would be without rounding.
  const row = mean(balanced.x_ND) as unknown as Float32Array;
  return Math.max(
    ...edits.map((edit) => {
      const single = mean(editedStates(decoder, balanced, edit));
      const pooled = editedStates(decoder, { x_ND: row, features_NF: row }, edit);
      return Math.max(...pooled.map((value, d) => Math.abs(value - single[d]!)));
    }),
  );
}

/** KL of three coordinates at 0.3 on a tiny model, by rows and by the rewritten graph. */
async function graphError(): Promise<number> {
  const model = tinyLlama(3);
  const network = networkOf(model);
  const site = network.cuts[1]!;
  const dictionary = neurons(network.width, site, model.hash);
  const stream = random(9);
  const windows = Array.from({ length: 2 }, () => Int32Array.from({ length: 8 }, () => stream.integer(256)));
  const run: RunOptions = { open: (graph) => openSession(graph, { threads: 1 }), tokensPerRun: 64 };
  const features = [1, 5, 12];
  const opened = await openTextCollateral(network, dictionary, windows, 1, run);
  const { kl } = await opened.measure({ kind: 'strengths', features, alpha: new Float64Array(3).fill(0.3) });
  await opened.release();
  const change = parseChange(
    { kind: 'scale', dictionary: { dictionary }, features, by: 0.3 },
    'a self-check',
  );
  const { apply, feeds } = applyEdit({ changes: [change] }, model);
  const [figures] = await textFigures(network, apply(network.graph), undefined, windows, [feeds], run);
  const wanted = figures!.kl_W.reduce((sum, one) => sum + one, 0) / windows.length;
  return Math.abs(kl.value - wanted) / wanted;
}

/** Points on a grid of eighths: their volume is a number of cells. */
function volumeError(): number {
  const stream = random(2);
  const volumes = Array.from({ length: 20 }, (_, count) => {
    const eighths = Array.from({ length: count }, () => [0, 1, 2].map(() => stream.integer(9)));
    let cells = 0;
    for (let cell = 0; cell < 512; cell++) {
      const at = [cell >> 6, (cell >> 3) & 7, cell & 7];
      if (eighths.some((point) => point.every((value, d) => value <= at[d]!))) cells++;
    }
    const points = eighths.map((point) => point.map((value) => value / 8) as unknown as Costs);
    return Math.abs(hypervolume(points) - cells / 512);
  });
  return Math.max(...volumes);
}
