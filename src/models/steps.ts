/** @file Logits after a growing text: with a key–value cache, where each step computes new positions only, or without. */
import { throwIfAborted } from '../core/errors.ts';
import { emptyArray, i64, type Tensor, tensor } from '../core/tensor.ts';
import type { Graph } from '../graph/types.ts';
import { openSession, type Tensors } from '../runtime/session.ts';
import { cacheNames } from './build/cache.ts';
import { buildModel } from './build/model.ts';
import { LAST_LOGITS, lastLogits } from './predict.ts';
import type { Model } from './types.ts';

/** Changes the graph that runs; `feeds` are the inputs that it adds. */
export interface Rewriting {
  readonly apply: (graph: Graph) => Graph;
  readonly feeds?: Tensors;
}

export interface StepOptions {
  readonly threads: number;
  /** Keys and values of positions seen before are kept; true by default. */
  readonly cache?: boolean;
  /** Most positions that the text will have. */
  readonly positions: number;
  readonly rewriting?: Rewriting;
  readonly signal?: AbortSignal;
}

/** Asked for the logits after longer and longer texts. */
export interface Steps {
  /** Logits [vocabulary] after `ids`, which begin with those of the call before. */
  after(ids: readonly number[]): Promise<Float32Array | Float64Array>;
  close(): Promise<void>;
}

/** Positions that one run of a long prompt computes: bounds the memory of attention scores. */
const CHUNK = 512;

/**
 * Opens a model for generation. An edit of the graph acts at every position, in the cache as in the whole text.
 * @throws ModelError `model.no-logits` for models that say nothing about next tokens
 */
export const openSteps = (model: Model, options: StepOptions): Promise<Steps> =>
  (options.cache ?? true) && model.shape.kind === undefined ? cached(model, options) : whole(model, options);

/** The whole text anew at each step. */
async function whole(model: Model, { threads, rewriting, signal }: StepOptions): Promise<Steps> {
  const graph = rewriting ? rewriting.apply(model.graph) : model.graph;
  const session = await openSession(lastLogits({ ...model, graph }), { threads });
  return {
    async after(ids) {
      throwIfAborted(signal);
      const feeds = {
        tokens: i64([1, ids.length], ids),
        last: i64([1], [ids.length - 1]),
        ...rewriting?.feeds,
      };
      return (await session.run(feeds))[LAST_LOGITS]!.data as Float32Array;
    },
    close: () => session.release(),
  };
}

/**
 * The step graph, and between runs the keys and values of all positions so far, [1, position, kvHeads, headWidth]: in
 * this order new ones are appended to one array, and what a run is fed is a view of its beginning.
 */
async function cached(model: Model, { threads, positions, rewriting, signal }: StepOptions): Promise<Steps> {
  const { shape } = model;
  const dtype = model.graph.weights.get('W_E')!.dtype === 'float64' ? 'float64' : 'float32';
  const step = buildModel(shape, model.graph.weights, { dtype, cache: true });
  const graph = rewriting ? rewriting.apply(step) : step;
  const layers = Array.from({ length: shape.layers }, (_, layer) => cacheNames(layer));
  const stores = layers.flatMap(({ past, fresh }) =>
    (['k', 'v'] as const).map((which) => ({ past: past[which], fresh: fresh[which] })),
  );
  const row = shape.kvHeads * shape.headWidth;
  const kept = stores.map(() => emptyArray(dtype, positions * row));
  const session = await openSession(
    lastLogits(
      { ...model, graph },
      stores.map(({ fresh }) => fresh),
    ),
    { threads },
  );
  let known = 0;
  const past = (i: number): Tensor =>
    tensor(
      dtype,
      [1, known, shape.kvHeads, shape.headWidth],
      kept[i]!.subarray(0, known * row) as Float32Array<ArrayBuffer>,
    );
  return {
    async after(ids) {
      // LongRoPE turns all positions otherwise once the text is long: what was kept is then of no use.
      const long = shape.ropeLong?.after ?? Number.POSITIVE_INFINITY;
      if (known <= long && ids.length > long) known = 0;
      let logits: Float32Array | Float64Array | undefined;
      while (known < ids.length) {
        throwIfAborted(signal);
        const some = ids.slice(known, known + CHUNK);
        const out = await session.run({
          tokens: i64([1, some.length], some),
          last: i64([1], [some.length - 1]),
          ...Object.fromEntries(stores.map((store, i) => [store.past, past(i)])),
          ...rewriting?.feeds,
        });
        for (const [i, { fresh }] of stores.entries())
          kept[i]!.set(out[fresh]!.data as Float32Array, known * row);
        known += some.length;
        logits = out[LAST_LOGITS]!.data as Float32Array;
      }
      return logits!;
    },
    close: () => session.release(),
  };
}
