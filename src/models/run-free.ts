/** @file Running a network of any kind: tensors in, outputs and sites out; gradients of any number with respect to any site. */
import { straightThrough } from '../autodiff/straight-through.ts';
import { vjp } from '../autodiff/vjp.ts';
import { ModelError, nearestNames, throwIfAborted } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { emptyArray, sizeOf, type Tensor } from '../core/tensor.ts';
import { only } from '../graph/interventions.ts';
import { isCarried, type ValueInfo } from '../graph/types.ts';
import { openSession, runOnce } from '../runtime/session.ts';
import { runByCuts } from './by-cuts.ts';
import { describeInput, type FreeModel, type FreeSite, freeSites, tensorInputs } from './free.ts';
import { specialise } from './specialise.ts';

type Tensors = Readonly<Record<string, Tensor>>;

export interface FreeRunOptions {
  readonly inputs: Tensors;
  /** Values to return beside the outputs. */
  readonly read?: readonly string[];
  /** Runs from landmark to landmark, with the weights of one stretch in use at a time (by-cuts.ts). */
  readonly lowMemory?: boolean;
  readonly threads: number;
  readonly signal?: AbortSignal;
}

export interface FreeRunResult {
  readonly outputs: Tensors;
  readonly sites: Tensors;
}

/**
 * Runs the network once.
 * @throws ModelError `model.unknown-site` (names the nearest), `model.input` (one is missing); RuntimeError for
 *   inputs of the wrong type or shape
 */
export async function runFree(model: FreeModel, options: FreeRunOptions): Promise<FreeRunResult> {
  const { inputs, read = [], lowMemory = false, threads, signal } = options;
  checkFreeSites(model, read);
  checkInputs(model, inputs);
  throwIfAborted(signal);
  const graph = { ...model.graph, outputs: union(model.graph.outputs, read) };
  const results = lowMemory
    ? await runByCuts(graph, inputs, { cuts: cutsOf(model), threads, ...(signal ? { signal } : {}) })
    : await runOnce(graph, inputs, { threads });
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, results[name]!]));
  return { outputs: pick(model.graph.outputs), sites: pick(read) };
}

/** States of the residual stream; where there is none, every cut. */
function cutsOf(model: FreeModel): string[] {
  const marked = (landmark: FreeSite['landmark']) =>
    model.sites.filter((site) => site.landmark === landmark).map((site) => site.name);
  const stream = marked('residual stream');
  return stream.length > 0 ? stream : marked('cut');
}

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])];

export interface FreeGradientOptions {
  readonly inputs: Tensors;
  /** The value that is differentiated; the sum of its elements counts, weighed by `cotangent` when it is given. */
  readonly of: string;
  readonly cotangent?: Tensor;
  readonly wrt: readonly string[];
  readonly threads: number;
}

/**
 * Gradients of the sum of `of` with respect to `wrt`, each of the shape of its value. Rounding of quantised values
 * passes gradients straight through (autodiff/straight-through.ts).
 * @throws ModelError as runFree(); GraphError `graph.no-rule`, `graph.no-shape-rule`, `graph.not-differentiable`
 */
export async function freeGradients(
  model: FreeModel,
  { inputs, of, cotangent, wrt, threads }: FreeGradientOptions,
): Promise<Record<string, Tensor>> {
  checkFreeSites(model, [of, ...wrt.filter((name) => !(name in inputs))]);
  checkInputs(model, inputs);
  // Of no more than is needed, and as it is on these inputs: then lengths are known and branches decided.
  const part = await specialise(
    only(model.graph, [...new Set([of, ...wrt.filter((n) => !(n in inputs))])]),
    inputs,
    { threads },
  );
  const { graph, stop } = straightThrough(part);
  const names = wrt.map((name) => `grad:${name}`);
  const backward = only(vjp(graph, { of, wrt, cotangent: cotangent ? 'input' : 'ones', stop }), names);
  const feeds = { ...inputs, ...(cotangent ? { [`cotangent:${of}`]: cotangent } : {}) };
  const session = await openSession(backward, { threads });
  try {
    const results = await session.run(Object.fromEntries(session.inputs.map((name) => [name, feeds[name]!])));
    return Object.fromEntries(wrt.map((name) => [name, results[`grad:${name}`]!]));
  } finally {
    await session.release();
  }
}

/** The model as it is on these inputs, with the values inside of the branches taken among its sites. */
export async function specialisedModel(
  model: FreeModel,
  inputs: Tensors,
  { threads }: { readonly threads: number },
): Promise<FreeModel> {
  checkInputs(model, inputs);
  const graph = await specialise(model.graph, inputs, { threads });
  return { ...model, graph, inputs: tensorInputs(graph.inputs, model.source), sites: freeSites(graph) };
}

/** @throws ModelError `model.unknown-site` naming the nearest */
export function checkFreeSites(model: FreeModel, names: readonly string[]): void {
  const known = new Set(model.graph.nodes.flatMap((node) => node.outputs));
  for (const name of names) {
    if (name !== '' && known.has(name)) continue;
    const near = nearestNames(
      name,
      model.sites.map((site) => site.name),
    );
    throw new ModelError('model.unknown-site', `${model.name} has no site "${name}"`, {
      where: name,
      hint: `did you mean ${near.map((n) => `"${n}"`).join(', ')}?`,
    });
  }
}

function checkInputs(model: FreeModel, inputs: Tensors): void {
  const missing = model.inputs.filter(({ name }) => !(name in inputs));
  if (missing.length === 0) return;
  throw new ModelError('model.input', `${model.name} needs ${missing.map(describeInput).join(', ')}`, {
    where: missing[0]!.name,
    hint: 'give each input, e.g. --input NAME=FILE.npy, NAME=random, NAME=random:1,3,224,224 or NAME=1',
  });
}

/** What an open size becomes in made-up inputs, by the name it has or the place where it stands. */
function openSize(dim: string, axis: number, rank: number): number {
  if (axis === 0 || /batch|^n$/i.test(dim)) return 1;
  return rank === 4 ? 64 : 8;
}

/**
 * A made-up tensor for an input: standard normal numbers, or whole numbers 0 and 1, which most tables and masks
 * have. Open sizes become 1 for batches and on the first axis, else 8, or 64 along the sides of images; `shape`
 * overrides them.
 * @throws ModelError `model.input` when `shape` contradicts the input's
 */
export function randomInput(
  input: ValueInfo,
  seed: number,
  shape: readonly number[] = input.shape.map((dim, axis) =>
    typeof dim === 'number' ? dim : openSize(dim, axis, input.shape.length),
  ),
): Tensor {
  checkShape(input, shape);
  const stream = random(seed).fork(input.name);
  const data = emptyArray(input.dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = drawn(input, stream);
  return { dtype: input.dtype, shape, data } as Tensor;
}

/** A tensor for an input, all elements `value`. @throws ModelError `model.input` */
export function filledInput(input: ValueInfo, value: number, shape?: readonly number[]): Tensor {
  const like = randomInput(input, 0, shape);
  const data = emptyArray(input.dtype, like.data.length);
  if (input.dtype === 'int64') (data as BigInt64Array).fill(BigInt(Math.trunc(value)));
  else (data as Float32Array).fill(value);
  return { ...like, data } as Tensor;
}

function drawn(input: ValueInfo, stream: ReturnType<typeof random>): number | bigint {
  if (input.dtype === 'int64') return BigInt(stream.integer(2));
  // Halves are stored as bits: 0 or 1.
  if (input.dtype === 'float16') return stream.integer(2) * 0x3c00;
  return input.dtype.startsWith('float') ? stream.normal() : stream.integer(2);
}

function checkShape(input: ValueInfo, shape: readonly number[]): void {
  const fits =
    shape.length === input.shape.length &&
    input.shape.every((dim, i) => typeof dim === 'string' || dim === shape[i]);
  if (fits) return;
  throw new ModelError(
    'model.input',
    `[${shape.join(', ')}] does not fit the input ${describeInput(input)}`,
    {
      where: input.name,
      hint: 'sizes that are numbers must be kept; open ones may be chosen',
    },
  );
}

/** Inputs of a model, all made up. */
export const randomInputs = (model: FreeModel, seed: number): Record<string, Tensor> =>
  Object.fromEntries(
    model.graph.inputs.flatMap((input) => (isCarried(input) ? [] : [[input.name, randomInput(input, seed)]])),
  );
