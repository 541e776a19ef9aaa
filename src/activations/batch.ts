/** @file One run: a batch of windows through the network, its rows copied to where they belong in a shard. */
import { type Tensor, tensor, zeros } from '../core/tensor.ts';
import type { Graph } from '../graph/types.ts';
import { openSession, type SessionOptions } from '../runtime/session.ts';

/** A site, the sizes after [batch, position] of its value, and their product. */
export interface SiteLayout {
  readonly site: string;
  readonly dims: readonly number[];
  readonly width: number;
}

/** Windows padded on the right to one length (attention is causal: padding changes nothing to its left). */
export interface Batch {
  readonly tokens: BigInt64Array<ArrayBuffer>;
  readonly length: number;
  /** Of each window without its padding. */
  readonly lengths: readonly number[];
  /** Number of the batch's first row in the shard. */
  readonly row: number;
  /** The shard's rows of each site, [rows, width], on shared memory. */
  readonly rows_RD: readonly Float32Array[];
}

/** The batch of `windows`, whose rows go to the shard from row `row` on. */
export function batchOf(
  windows: readonly { readonly tokens: Int32Array }[],
  row: number,
  rows_RD: readonly Float32Array[],
): Batch {
  const lengths = windows.map((w) => w.tokens.length);
  const length = Math.max(...lengths);
  const tokens = new BigInt64Array(windows.length * length);
  windows.forEach((w, b) => {
    w.tokens.forEach((token, t) => {
      tokens[b * length + t] = BigInt(token);
    });
  });
  return { tokens, length, lengths, row, rows_RD };
}

export interface BatchSession {
  /** Runs the batch and fills its rows: all positions but the first of each window. */
  run(batch: Batch): Promise<void>;
  release(): Promise<void>;
}

/** A session for batches of the graph whose outputs are the sites. */
export async function openBatchSession(
  graph: Graph,
  layouts: readonly SiteLayout[],
  options: SessionOptions,
): Promise<BatchSession> {
  const session = await openSession(graph, options);
  let into: Record<string, Tensor> = {};
  let intoShape = '';
  return {
    release: () => session.release(),
    async run({ tokens, length, lengths, row, rows_RD }) {
      const shape = [lengths.length, length];
      if (shape.join() !== intoShape) {
        into = Object.fromEntries(
          layouts.map(({ site, dims }) => [site, zeros('float32', [...shape, ...dims])]),
        );
        intoShape = shape.join();
      }
      await session.run({ tokens: tensor('int64', shape, tokens) }, into);
      layouts.forEach(({ site, width }, s) => {
        const source = into[site]!.data as Float32Array;
        let target = row * width;
        lengths.forEach((kept, b) => {
          const start = (b * length + 1) * width;
          const end = (b * length + kept) * width;
          rows_RD[s]!.set(source.subarray(start, end), target);
          target += end - start;
        });
      });
    },
  };
}
