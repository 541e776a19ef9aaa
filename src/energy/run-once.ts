/** @file One run of a graph that is opened for it alone, with those of the feeds that it reads. */
import type { RunOptions } from '../circuits/run-options.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Graph } from '../graph/types.ts';

/** Values of the graph's outputs. Throws what `open` and the session throw, for an input that has no feed among others. */
export async function runOnce(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  { open }: Pick<RunOptions, 'open'>,
): Promise<Record<string, Tensor>> {
  const session = await open(graph);
  try {
    return await session.run(
      Object.fromEntries(session.inputs.flatMap((name) => (feeds[name] ? [[name, feeds[name]]] : []))),
    );
  } finally {
    await session.release();
  }
}
