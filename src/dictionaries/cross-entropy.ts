/** @file Cross-entropy of next tokens with a site as it is, with a dictionary spliced in, and with its mean. */
import { DictionaryError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { extend, feedAt, only, replaceAt, standingAt } from '../graph/interventions.ts';
import { inferShapes } from '../graph/shapes.ts';
import type { Graph } from '../graph/types.ts';
import { openSession, type Tensors } from '../runtime/session.ts';
import { fragment, positionsRead } from './fragment.ts';
import type { Dictionary } from './types.ts';

/** Mean negative log-probability of the next token, in nats, over all windows. */
export interface CrossEntropies {
  readonly clean: number;
  /** The site replaced by its reconstruction. */
  readonly spliced: number;
  /** The site replaced by its mean. */
  readonly meanAblated: number;
}

/** Windows in one run. Logits of a vocabulary of 50,000 take 25 MB a window of 128. */
const BATCH = 4;

const NEXT = 'cross-entropy:next';

/**
 * A graph that gives the mean cross-entropy of each example instead of logits: input `cross-entropy:next` int64
 * [batch, position], the token after each position; the last position of a window does not count.
 */
export function crossEntropyGraph(graph: Graph): Graph {
  const added: string[] = [];
  const extended = extend(graph, (b) => {
    const next = b.input(NEXT, 'int64', ['batch', 'position']);
    const logits = cut(b, standingAt(graph, 'logits'));
    const total = b.op('ReduceLogSumExp', [logits, b.ints(-1)], { keepdims: { int: 1 } });
    const targets = b.op('Unsqueeze', [cut(b, next), b.ints(-1)]);
    const own = b.op('GatherElements', [logits, targets], { axis: { int: -1 } });
    const loss = b.op('Sub', [total, own]);
    added.push(b.op('ReduceMean', [loss, b.ints(1, 2)], { keepdims: { int: 0 } }, 'cross-entropy'));
    return added;
  });
  return only(extended, added);
}

/** All positions but the last. */
const cut = (b: GraphBuilder, value: string) => b.op('Slice', [value, b.ints(0), b.ints(-1), b.ints(1)]);

/** The site replaced by what `make` makes of its rows [batch, position, width]: heads lie side by side, as harvested. */
function replaceRows(graph: Graph, site: string, make: (b: GraphBuilder, x: string) => string): Graph {
  const rank = inferShapes(graph).get(site)?.shape.length ?? 3;
  return replaceAt(graph, site, (b, x) =>
    rank === 3
      ? make(b, x)
      : b.op('Reshape', [make(b, b.op('Reshape', [x, b.ints(0, 0, -1)])), b.op('Shape', [x])]),
  );
}

/** The site set to `mean` wherever the dictionary would read it. */
export const meanAblate = (graph: Graph, dictionary: Dictionary, mean: Float32Array): Graph =>
  replaceRows(graph, dictionary.site, (b, x) => {
    const read = positionsRead(b, x, dictionary);
    const centre = b.constant(tensor('float32', [mean.length], Float32Array.from(mean)), 'mean');
    return b.op('Add', [x, b.op('Mul', [b.op('Sub', [centre, x]), read])]);
  });

/** The site replaced by the dictionary's reconstruction wherever it reads. */
export const splice = (graph: Graph, dictionary: Dictionary): Graph =>
  replaceRows(graph, dictionary.site, (b, x) => fragment(dictionary)(b, x).reconstruction);

/**
 * Cross-entropies on windows of equal length. The network runs to the site once; from there on, with the tokens where paths
 * lead around the site, once for each of the three. Positions that the dictionary does not read (position 0, sinks) pass through untouched in all.
 * @throws DictionaryError `dictionary.no-text` when there is no window of two tokens.
 */
export async function crossEntropies(
  graph: Graph,
  dictionary: Dictionary,
  mean: Float32Array,
  windows: readonly { readonly tokens: Int32Array }[],
  {
    signal,
    threads,
    onWindows,
  }: Pick<WorkContext, 'signal'> & { threads: number; onWindows?: (done: number) => void },
): Promise<CrossEntropies> {
  const length = windows[0]?.tokens.length ?? 0;
  if (length < 2) {
    throw new DictionaryError('dictionary.no-text', 'there is no held-out window of two tokens or more', {
      where: dictionary.site,
      hint: 'give the study more held-out text',
    });
  }
  const { site } = dictionary;
  const after = (g: Graph) => feedAt(crossEntropyGraph(g), [site]);
  const first = await openSession(only(graph, [site]), { threads });
  const upper = {
    clean: await openSession(after(graph), { threads }),
    spliced: await openSession(after(splice(graph, dictionary)), { threads }),
    meanAblated: await openSession(after(meanAblate(graph, dictionary, mean)), { threads }),
  };
  const sums = { clean: 0, spliced: 0, meanAblated: 0 };
  try {
    for (let from = 0; from < windows.length; from += BATCH) {
      throwIfAborted(signal);
      const part = windows.slice(from, from + BATCH);
      const read = tokens(part, 0);
      const { [site]: x } = await first.run({ tokens: read });
      for (const [name, session] of Object.entries(upper)) {
        const feeds: Tensors = { [site]: x!, tokens: read, [NEXT]: tokens(part, 1) };
        const asked = session.inputs.map((name) => [name, feeds[name]!] as const);
        const out = await session.run(Object.fromEntries(asked));
        for (const loss of out['cross-entropy']!.data as Float32Array)
          sums[name as keyof typeof sums] += loss;
      }
      onWindows?.(from + part.length);
    }
  } finally {
    await Promise.all([first, ...Object.values(upper)].map((session) => session.release()));
  }
  const n = windows.length;
  return { clean: sums.clean / n, spliced: sums.spliced / n, meanAblated: sums.meanAblated / n };
}

/** Tokens [batch, position], moved `shift` to the left (the last token stays where nothing follows). */
function tokens(windows: readonly { readonly tokens: Int32Array }[], shift: number): Tensor<'int64'> {
  const length = windows[0]!.tokens.length;
  const data = new BigInt64Array(windows.length * length);
  windows.forEach((window, i) => {
    for (let t = 0; t < length; t++)
      data[i * length + t] = BigInt(window.tokens[Math.min(t + shift, length - 1)]!);
  });
  return tensor('int64', [windows.length, length], data);
}

/** (CE mean-ablated − CE spliced)/(CE mean-ablated − CE clean): 1 when nothing is lost, 0 when as bad as the mean. */
export const recovered = ({ clean, spliced, meanAblated }: CrossEntropies): number =>
  (meanAblated - spliced) / (meanAblated - clean);
