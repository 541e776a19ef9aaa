/** @file How runs over a network are sized and watched: who opens sessions, tokens at once, progress, a way to stop. */
import type { Graph } from '../graph/types.ts';
import type { Session } from '../runtime/session.ts';

export interface RunOptions {
  /** Opens a session: `(graph) => openSession(graph, { threads })`, or a store's `open`. Callers here release it. */
  readonly open: (graph: Graph) => Promise<Session>;
  /** Upper bound on examples × positions in one run: it bounds memory (a gradient keeps every activation). */
  readonly tokensPerRun: number;
  /** Threads of sessions that are opened elsewhere: block by block, where a prompt is longer than a run. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called with the number of rows finished since the last call. */
  readonly advance?: (rows: number) => void;
}

/** About 400 MB of activations for a 30-layer, 576-wide network with gradients. */
export const TOKENS_PER_RUN = 256;
