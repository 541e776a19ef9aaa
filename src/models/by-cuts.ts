/** @file Networks larger than memory: forward and backward from cut to cut, so that only a few blocks' weights are in use. */
import { straightThrough } from '../autodiff/straight-through.ts';
import { type VjpOptions, vjp } from '../autodiff/vjp.ts';
import { GraphError, throwIfAborted } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import type { Tensor } from '../core/tensor.ts';
import { feedAt, only, requireValues } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { ancestors, valueNames } from '../graph/uses.ts';
import { runOnce } from '../runtime/session.ts';

type Tensors = Readonly<Record<string, Tensor>>;

export interface ByCutsOptions {
  /**
   * Cuts in order of computation: values that everything between input and result passes through (landmarks() finds
   * them; for transformers the states of the residual stream). Weights between two cuts are in use together.
   */
  readonly cuts: readonly string[];
  readonly threads: number;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** A stretch of the network between two cuts: fed at `from`, it makes `to` and the values in `read`. */
interface Stretch {
  readonly graph: Graph;
  readonly from?: string;
  readonly to: readonly string[];
}

/**
 * Runs the graph stretch by stretch and returns its outputs and the cuts. Each stretch has a session of its own, which
 * is closed before the next one opens; weights in files are mapped, so that memory holds those of one stretch, the
 * states at the cuts, and what the stretch computes. Outputs may lie anywhere: read() adds sites to them.
 * @throws GraphError `graph.unknown-site`, `graph.not-a-cut` (a result is reached around a cut)
 */
export async function runByCuts(
  graph: Graph,
  feeds: Tensors,
  options: ByCutsOptions,
): Promise<Record<string, Tensor>> {
  const states: Record<string, Tensor> = {};
  const stretches = stretchesOf(graph, options.cuts, graph.outputs);
  for (const [i, stretch] of stretches.entries()) {
    throwIfAborted(options.signal);
    Object.assign(states, await runStretch(stretch.graph, { ...feeds, ...states }, options));
    tell(options, i + 1, stretches.length);
  }
  return states;
}

export interface GradientOptions extends ByCutsOptions {
  /** The value that is differentiated: the sum of its elements counts, weighed by `cotangent` when it is given. */
  readonly of: string;
  readonly cotangent?: Tensor;
  /** Further values, inputs or weights whose gradients are wanted; those of the cuts before `of` come always. */
  readonly wrt?: readonly string[];
  /** Rules on the way back; of the gradient by default. */
  readonly rules?: VjpOptions['rules'];
}

export interface CutGradients {
  /** The value that was differentiated. */
  readonly value: Tensor;
  /** The state at each cut. */
  readonly states: Record<string, Tensor>;
  /** Gradients at each cut and of each value in `wrt`. */
  readonly gradients: Record<string, Tensor>;
}

/**
 * Gradients of `of` at every cut: forward by cuts, keeping the states there, then each stretch once more, last first,
 * forward and backward from the gradient above it (checkpointing, Griewank & Walther 2008, §12.3). Equal to the
 * whole graph's vjp to rounding, in the memory of one stretch.
 * @throws GraphError as runByCuts(), and what vjp() throws
 */
export async function gradientsByCuts(
  graph: Graph,
  feeds: Tensors,
  options: GradientOptions,
): Promise<CutGradients> {
  const { of, wrt = [], cotangent } = options;
  requireValues(graph, [of, ...options.cuts, ...wrt]);
  const before = ancestors(graph, [of]);
  const cuts = options.cuts.filter((cut) => cut !== of && before.has(cut));
  const stretches = stretchesOf(graph, cuts, [of]);
  const total = 2 * stretches.length - 1;
  const states: Record<string, Tensor> = {};
  // The last stretch runs forward when it runs backward.
  for (const [i, stretch] of stretches.slice(0, -1).entries()) {
    throwIfAborted(options.signal);
    Object.assign(states, await runStretch(stretch.graph, { ...feeds, ...states }, options));
    tell(options, i + 1, total);
  }
  const gradients: Record<string, Tensor> = {};
  let value: Tensor | undefined;
  for (let i = stretches.length - 1; i >= 0; i--) {
    throwIfAborted(options.signal);
    const { graph: stretch, from, to } = stretches[i]!;
    const top = to[0]!;
    const inside = new Set(valueNames(stretch));
    const others = wrt.filter((name) => inside.has(name) && !cuts.includes(name));
    const wanted = from === undefined ? others : [from, ...others];
    const above = value ? gradients[top]! : cotangent;
    if (wanted.length > 0 || !value) {
      const results = await pullBack(stretch, top, wanted, above, { ...feeds, ...states }, options);
      value ??= results[top]!;
      for (const name of wanted) gradients[name] = sum(gradients[name], results[`grad:${name}`]!);
    }
    tell(options, total - i, total);
  }
  return { value: value!, states, gradients };
}

/** A weight or input that several stretches read has a gradient in each; they add up. */
function sum(a: Tensor | undefined, b: Tensor): Tensor {
  if (!a) return b;
  const data = (a.data as Float32Array).slice();
  for (let i = 0; i < data.length; i++) data[i]! += Number(b.data[i]);
  return { ...b, data } as Tensor;
}

/** Gradients of `top` in one stretch, from the gradient above it (ones when there is none). */
async function pullBack(
  stretch: Graph,
  top: string,
  wanted: readonly string[],
  above: Tensor | undefined,
  feeds: Tensors,
  options: GradientOptions,
): Promise<Record<string, Tensor>> {
  const { graph, stop } = straightThrough(stretch);
  const cotangent = above ? 'input' : 'ones';
  const backward = vjp(graph, { of: top, wrt: wanted, cotangent, stop, rules: options.rules ?? 'gradient' });
  const graphs = only(backward, [top, ...wanted.map((name) => `grad:${name}`)]);
  return runStretch(graphs, above ? { ...feeds, [`cotangent:${top}`]: above } : feeds, options);
}

const runStretch = (
  graph: Graph,
  feeds: Tensors,
  { threads }: ByCutsOptions,
): Promise<Record<string, Tensor>> =>
  runOnce(graph, Object.fromEntries(graph.inputs.map(({ name }) => [name, feeds[name]!])), { threads });

const tell = ({ progress }: ByCutsOptions, done: number, total: number): void =>
  progress?.({ type: 'advance', task: 'cuts', done, total });

/** The stretches between input, cuts and `results`. @throws GraphError `graph.not-a-cut` */
function stretchesOf(graph: Graph, cuts: readonly string[], results: readonly string[]): Stretch[] {
  requireValues(graph, [...cuts, ...results]);
  // A result comes with the first stretch that has it on its way.
  const behind = cuts.map((cut) => ancestors(graph, [cut]));
  const place = (name: string) => {
    const first = behind.findIndex((values) => values.has(name));
    return first < 0 ? cuts.length : first;
  };
  const wanted = results.filter((name) => !cuts.includes(name));
  const ends = [...cuts.map((cut) => [cut]), []].map((to: readonly string[], i) => [
    ...to,
    ...wanted.filter((name) => place(name) === i),
  ]);
  if (ends.at(-1)!.length === 0) ends.pop();
  return ends.map((to, i) => {
    const from = i === 0 ? undefined : cuts[i - 1]!;
    const part = from === undefined ? only(graph, to) : only(feedAt(graph, [from]), to);
    const around = cuts.slice(0, Math.max(i - 1, 0)).find((cut) => ancestors(part, to).has(cut));
    if (around !== undefined) {
      throw new GraphError(
        'graph.not-a-cut',
        `"${to[0]}" is reached from "${around}" around the cut "${from}"`,
        {
          where: from,
          hint: 'cuts must stand in order of computation, and all that is computed must pass through each: landmarks() finds such values',
        },
      );
    }
    return { graph: part, to, ...(from === undefined ? {} : { from }) };
  });
}
