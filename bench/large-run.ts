/** @file The measured process of bench:large: opens the weights where they lie, runs and differentiates cut by cut. */
import { readFileSync } from 'node:fs';
import { random } from '../src/core/random.ts';
import { i64, type Tensor } from '../src/core/tensor.ts';
import { extend, feedAt, only } from '../src/graph/interventions.ts';
import type { ExternalWeight } from '../src/graph/types.ts';
import { buildModel } from '../src/models/build/model.ts';
import { gradientsByCuts, runByCuts } from '../src/models/by-cuts.ts';
import type { ModelShape } from '../src/models/types.ts';

export interface LargeJob {
  readonly shape: ModelShape;
  readonly weights: Readonly<Record<string, ExternalWeight>>;
  readonly tokens: number;
  readonly threads: number;
}

export interface LargeResult {
  /** Cuts at which gradients were taken: the embeddings and the residual stream after each block. */
  readonly cuts: number;
  readonly loss: number;
  /** Of forward and backward to all cuts, sessions opened and closed. */
  readonly seconds: number;
  /** Most resident memory of this process, mapped pages of the weights included. */
  readonly peakBytes: number;
  /** Resident memory before the first session. */
  readonly startBytes: number;
  /** Norm of the gradient at the first and at the last cut. */
  readonly firstNorm: number;
  readonly lastNorm: number;
  /** |⟨gradient, δ⟩ − central difference| over its size, for a random δ at the middle cut. */
  readonly relativeDifference: number;
}

const { shape, weights, tokens: count, threads } = JSON.parse(readFileSync(0, 'utf8')) as LargeJob;
const startBytes = process.memoryUsage.rss();
const model = buildModel(shape, new Map(Object.entries(weights)));
const stream = random(2);
const draw = () => Array.from({ length: count }, () => stream.integer(shape.vocabulary));
const feeds = { tokens: i64([1, count], draw()), targets: i64([1, count, 1], draw()) };
/** Mean negative log-likelihood of the targets. */
const graph = only(
  extend(model, (b) => {
    b.input('targets', 'int64', [1, 'position', 1]);
    const said = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
    const chosen = b.op('GatherElements', [said, 'targets'], { axis: { int: 2 } });
    return [b.op('Neg', [b.op('ReduceMean', [chosen], { keepdims: { int: 0 } })], {}, 'loss')];
  }),
  ['loss'],
);
const cuts = ['hook_embed', ...Array.from({ length: shape.layers }, (_, i) => `blocks.${i}.hook_resid_post`)];

const begun = performance.now();
const { value, states, gradients } = await gradientsByCuts(graph, feeds, { of: 'loss', cuts, threads });
const seconds = (performance.now() - begun) / 1000;

/** The loss when the state at the middle cut is moved by h·δ, against the gradient there. */
const middle = cuts[Math.floor(cuts.length / 2)]!;
const rest = only(feedAt(graph, [middle]), ['loss']);
const state = states[middle]!;
const delta = Float32Array.from({ length: state.data.length }, () => stream.normal());
const lossAt = async (h: number): Promise<number> => {
  const data = Float32Array.from(state.data as Float32Array, (v, i) => v + h * delta[i]!);
  const above = cuts.slice(cuts.indexOf(middle) + 1);
  const run = await runByCuts(
    rest,
    { ...feeds, [middle]: { ...state, data } as Tensor },
    { cuts: above, threads },
  );
  return Number(run.loss!.data[0]);
};
const h = 1e-2;
const difference = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
const dot = Array.from(gradients[middle]!.data as Float32Array).reduce((sum, g, i) => sum + g * delta[i]!, 0);

const norm = (t: Tensor) => Math.sqrt(Array.from(t.data as Float32Array).reduce((sum, v) => sum + v * v, 0));
const result: LargeResult = {
  cuts: cuts.length,
  loss: Number(value.data[0]),
  seconds,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  startBytes,
  firstNorm: norm(gradients[cuts[0]!]!),
  lastNorm: norm(gradients[cuts.at(-1)!]!),
  relativeDifference: Math.abs(dot - difference) / Math.abs(difference),
};
process.stdout.write(JSON.stringify(result));
