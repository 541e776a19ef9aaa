/** @file Open sessions, cached by graph: creating and releasing sessions leaks, so they are kept and few. */
import { statSync } from 'node:fs';
import { sha256 } from '../core/hash.ts';
import { read } from '../graph/interventions.ts';
import { encodeOnnx } from '../graph/onnx.ts';
import { type Graph, isExternal } from '../graph/types.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

/** Sessions that live as long as the store. */
export interface RuntimeStore {
  readonly threads: number;
  /**
   * A session for the graph: the open one if an equal graph was opened before. The handle stays good for the
   * life of the store: when the limit pushed its session out, the next run opens it again. Its `release`
   * closes the session early. Runs return `additionalOutputs` (any values of the graph) besides its own outputs.
   */
  open(graph: Graph, additionalOutputs?: readonly string[]): Promise<Session>;
  /** How many sessions are open now, and how many were ever created. */
  counts(): { open: number; created: number };
  /** Releases everything; runs after it open sessions anew. */
  close(): Promise<void>;
}

export interface RuntimeOptions extends SessionOptions {
  /** Most sessions open at a time; the least recently used one goes first. */
  readonly maxSessions?: number;
}

/** A store of sessions (an LRU cache by content of the graph). */
export function runtimeStore({ maxSessions = 4, ...options }: RuntimeOptions): RuntimeStore {
  /** By key; Map order is order of use, oldest first. */
  const live = new Map<string, Promise<Session>>();
  const keys = new WeakMap<Graph, string>();
  let created = 0;

  const release = async (key: string) => {
    const session = live.get(key);
    live.delete(key);
    // A session that never opened has told its caller so already.
    await session?.then((s) => s.release()).catch(() => {});
  };
  const obtain = async (key: string, graph: Graph): Promise<Session> => {
    let session = live.get(key);
    live.delete(key);
    if (!session) {
      created++;
      while (live.size >= maxSessions) await release(live.keys().next().value!);
      session = openSession(graph, options);
      session.catch(() => live.delete(key));
    }
    live.set(key, session);
    return session;
  };

  return {
    threads: options.threads,
    async open(given, additionalOutputs = []) {
      const graph = additionalOutputs.length === 0 ? given : read(given, additionalOutputs);
      const key = keys.get(graph) ?? graphKey(graph);
      keys.set(graph, key);
      await obtain(key, graph);
      return {
        inputs: graph.inputs.map((input) => input.name),
        outputs: graph.outputs,
        run: async (feeds, into) => (await obtain(key, graph)).run(feeds, into),
        release: () => release(key),
      };
    },
    counts: () => ({ open: live.size, created }),
    async close() {
      await Promise.all([...live.keys()].map(release));
    },
  };
}

/** Content hash of a graph with the state of its weights files. */
function graphKey(graph: Graph): string {
  const files = new Set([...graph.weights.values()].filter(isExternal).map((w) => w.file));
  const states = [...files].map((file) => {
    const state = statSync(file, { throwIfNoEntry: false });
    return `${file}:${state?.size}:${state?.mtimeMs}`;
  });
  return sha256(`${sha256(encodeOnnx(graph))} ${states.join(' ')}`);
}
