/** @file Networks of any kind, known by their graph alone: inputs, sites, and what tells them from language models. */
import { ModelError } from '../core/errors.ts';
import { landmarks } from '../graph/landmarks.ts';
import { inferKnown } from '../graph/shapes.ts';
import { type Dim, type Graph, type GraphInput, isCarried, type ValueInfo } from '../graph/types.ts';
import type { Model, SiteInfo } from './types.ts';

/** What the inputs look like: ids of tokens, images, rows of a table, or anything else. */
export type FreeKind = 'tokens' | 'images' | 'table' | 'free';

/** A named value of a free-form network, its width the size of its last axis (0 where that is open). */
export interface FreeSite extends SiteInfo {
  /**
   * What the graph's form says of it: a state of the residual stream, what a block adds to the stream, or a cut
   * that all computation passes through (graph/landmarks.ts).
   */
  readonly landmark?: 'residual stream' | 'block output' | 'cut';
}

/** A network that came as a graph. It has no tokenizer; its inputs are given as tensors. */
export interface FreeModel {
  readonly kind: FreeKind;
  readonly name: string;
  readonly source: string;
  readonly note: string;
  readonly parameters: number;
  /** Of graph and weights files. */
  readonly hash: string;
  /** Of operator set 18 or newer; old ones are rewritten on opening. */
  readonly graph: Graph;
  readonly inputs: readonly ValueInfo[];
  /** Every value that a node makes and that is a number, in order of computation. */
  readonly sites: readonly FreeSite[];
}

/** Whatever openModel() opens. */
export type AnyModel = Model | FreeModel;

export const isFree = (model: AnyModel): model is FreeModel => !('tokenizer' in model);

/** @throws ModelError `model.not-tokens` for a network without a tokenizer. */
export function tokenModel(model: AnyModel): Model {
  if (!isFree(model)) return model;
  throw new ModelError(
    'model.not-tokens',
    `${model.name} is no language model that Untangle knows: it is a graph`,
    {
      where: model.name,
      hint: `its inputs are ${model.inputs.map(describeInput).join(', ')}; untangle run MODEL --input NAME=FILE.npy gives them`,
    },
  );
}

/** Name, type and shape of an input, for people. */
export const describeInput = ({ name, dtype, shape }: ValueInfo): string =>
  `${name} (${dtype} [${shape.map((d) => (typeof d === 'string' && d.startsWith('?') ? '?' : d)).join(', ')}])`;

/** The inputs that a run can be given. @throws ModelError `model.input-type` for sequences, texts and the like. */
export function tensorInputs(inputs: readonly GraphInput[], where: string): ValueInfo[] {
  return inputs.map((input) => {
    if (!isCarried(input)) return input;
    throw new ModelError('model.input-type', `the input "${input.name}" is of a type that cannot be given`, {
      where,
      hint: 'inputs must be tensors of numbers of known rank: not sequences, maps, texts or bfloat16',
    });
  });
}

/** What the inputs look like, from types and shapes. */
export function kindOf(inputs: readonly ValueInfo[]): FreeKind {
  const whole = inputs.filter(({ dtype }) => dtype === 'int64' || dtype === 'int32');
  if (whole.some(({ name, shape }) => shape.length === 2 && /id|token/i.test(name))) return 'tokens';
  const [first] = inputs;
  if (inputs.length !== 1 || !first?.dtype.startsWith('float')) return 'free';
  const isColour = (dim: Dim | undefined) => dim === 1 || dim === 3 || dim === 4;
  if (first.shape.length === 4 && (isColour(first.shape[1]) || isColour(first.shape[3]))) return 'images';
  return first.shape.length === 2 && typeof first.shape[1] === 'number' ? 'table' : 'free';
}

/** Every number that nodes make, with its place among the network's landmarks. */
export function freeSites(graph: Graph): FreeSite[] {
  const types = inferKnown(graph);
  const { cuts, stream, added } = landmarks(graph);
  const marks = new Map<string, FreeSite['landmark']>([
    ...cuts.map((name) => [name, 'cut'] as const),
    ...added.map((name) => [name, 'block output'] as const),
    ...stream.map((name) => [name, 'residual stream'] as const),
  ]);
  return graph.nodes.flatMap((node) =>
    node.outputs.flatMap((name): FreeSite[] => {
      const type = types.get(name);
      if (name === '' || (type && !type.dtype.startsWith('float'))) return [];
      const shape = type?.shape ?? [];
      const last = shape.at(-1);
      const landmark = marks.get(name);
      return [{ name, width: typeof last === 'number' ? last : 0, shape, ...(landmark ? { landmark } : {}) }];
    }),
  );
}

/** Numbers in weights, those of branches and loops included; whole numbers of 64 bits, which say shapes, are not counted. */
export const countNumbers = (graph: Graph): number =>
  [...graph.weights.values()].reduce(
    (sum, { dtype, shape }) => sum + (dtype === 'int64' ? 0 : shape.reduce((a, b) => a * b, 1)),
    graph.nodes
      .flatMap((node) => Object.values(node.attributes))
      .reduce((sum, attribute) => sum + ('graph' in attribute ? countNumbers(attribute.graph) : 0), 0),
  );
