/** @file Toy models trained to a known algorithm: interchanging a node must do what interchanging its variable does. */
import type { Random } from '../../core/random.ts';
import { random } from '../../core/random.ts';
import { f32 } from '../../core/tensor.ts';
import { graphBuilder } from '../../graph/build.ts';
import { adam } from '../../mechanics/optimisers/adam.ts';
import { normals } from '../../networks/perceptron.ts';
import { warmUpCosine } from '../../networks/schedule.ts';
import { type TrainContext, train } from '../../networks/train.ts';
import type { Tensors } from '../../runtime/session.ts';
import { type Block, sites, type Wires } from './compile.ts';
import { bitPrompts, bitTokens, type Planted } from './planted.ts';
import { edgeId, OUTPUT, type Truth } from './truth.ts';

/** A boolean variable of the algorithm, and where the network has to keep it. */
interface Variable {
  /** Also the wire it is kept on. */
  readonly name: string;
  /** Which of the two blocks writes it. */
  readonly block: 0 | 1;
  readonly reads: readonly string[];
  readonly value: (of: (name: string) => number) => number;
}

/** A boolean algorithm: bits, then variables in order; the last one is the answer. */
interface Algorithm {
  readonly name: string;
  readonly meaning: string;
  readonly bits: readonly string[];
  readonly variables: readonly Variable[];
}

const algorithms: readonly Algorithm[] = [
  {
    name: 'trained-and-or',
    meaning: '(a ∧ b) ∨ (c ∧ d), learned; e and f are seen and not needed',
    bits: ['a', 'b', 'c', 'd', 'e', 'f'],
    variables: [
      { name: 'ab', block: 0, reads: ['a', 'b'], value: (of) => of('a') & of('b') },
      { name: 'cd', block: 0, reads: ['c', 'd'], value: (of) => of('c') & of('d') },
      { name: 'y', block: 1, reads: ['ab', 'cd'], value: (of) => of('ab') | of('cd') },
    ],
  },
  {
    name: 'trained-parity',
    meaning: '(a ⊕ b) ∧ c, learned; c goes past the first block, d and e are not needed',
    bits: ['a', 'b', 'c', 'd', 'e'],
    variables: [
      { name: 'ab', block: 0, reads: ['a', 'b'], value: (of) => of('a') ^ of('b') },
      { name: 'y', block: 1, reads: ['ab', 'c'], value: (of) => of('ab') & of('c') },
    ],
  },
];

const HIDDEN = 24;
const SPARE = ['spare1', 'spare2', 'spare3', 'spare4'];

export interface TrainedOptions {
  readonly steps?: number;
  readonly batch?: number;
  readonly seed?: number;
}

/**
 * Networks of two blocks of 24 neurons on a stream with a wire for each bit and variable and four spare ones, trained by
 * strict interchange interventions (Geiger et al. 2022, arXiv:2112.00826; strict: Gupta et al. 2024, arXiv:2407.14494): what
 * a block writes on one wire is taken from another prompt; where the algorithm keeps a variable there, the answer must
 * be what the algorithm says with that variable from the other prompt, anywhere else it must stay as it was.
 */
export async function trainedNetworks(
  context: TrainContext,
  options: TrainedOptions = {},
): Promise<Planted[]> {
  const trained: Planted[] = [];
  for (const algorithm of algorithms) trained.push(await trainOne(algorithm, context, options));
  return trained;
}

async function trainOne(
  algorithm: Algorithm,
  context: TrainContext,
  { steps = 3000, batch = 128, seed = 1 }: TrainedOptions,
): Promise<Planted> {
  const { name, meaning, bits, variables } = algorithm;
  const wires = [...bits, ...variables.map((v) => v.name), ...SPARE];
  const chance = random(seed).fork(name);
  const objective = interchangeObjective(wires.length, chance.fork('weights'));
  const { parameters } = await train(
    {
      ...{ name, objective, steps },
      batch: (step) => interchangeBatch(algorithm, wires, batch, chance.fork(`batch/${step}`)),
      optimiser: adam({ learningRate: warmUpCosine({ rate: 1e-2, warmUp: 50, steps, floor: 0.02 }) }),
    },
    context,
  );
  const weights = (key: string) => parameters[key]!.data as Float32Array;
  const row = (m: Float32Array, from: number): Wires =>
    Object.fromEntries(wires.map((wire, d) => [wire, m[from * wires.length + d]!]));
  const block = (l: number): Block => ({
    gates: Array.from({ length: HIDDEN }, (_, h) => ({
      reads: row(weights(`in${l}`), h),
      bias: weights(`bias${l}`)[h]!,
      writes: row(weights(`out${l}`), h),
      planted: true,
    })),
  });
  const read = row(weights('read'), 0);
  const half = (sign: number) => Object.fromEntries(wires.map((wire) => [wire, (sign * read[wire]!) / 2]));
  const constant = weights('constant')[0]! / 2;
  return {
    ...{ name, meaning },
    ...bitPrompts(bits.length, 1, ([, token]) =>
      evaluate(algorithm, (bit) => (token! >> bits.indexOf(bit)) & 1),
    ),
    wiring: {
      wires: [...wires, 'start'],
      positions: 2,
      tokens: bitTokens(bits),
      blocks: [block(0), block(1)],
      answers: [
        { reads: half(-1), bias: -constant },
        { reads: half(1), bias: constant },
      ],
      noise: 0,
    },
    truth: algorithmsTruth(algorithm, wires),
  };
}

/** The answer, with some variables fixed. */
function evaluate(
  { variables }: Algorithm,
  bit: (name: string) => number,
  fixed: ReadonlyMap<string, number> = new Map(),
): number {
  const values = new Map<string, number>();
  const of = (name: string) => values.get(name) ?? bit(name);
  for (const variable of variables) values.set(variable.name, fixed.get(variable.name) ?? variable.value(of));
  return values.get(variables.at(-1)!.name)!;
}

/** One batch: prompts, other prompts, and which wires of which block come from the other one. */
function interchangeBatch(
  algorithm: Algorithm,
  wires: readonly string[],
  batch: number,
  chance: Random,
): Tensors {
  const { bits, variables } = algorithm;
  const width = wires.length;
  const base = new Float32Array(batch * width);
  const source = new Float32Array(batch * width);
  const masks = [new Float32Array(batch * width), new Float32Array(batch * width)] as const;
  const label = new Float32Array(batch);
  for (let b = 0; b < batch; b++) {
    const draw = () => new Map(bits.map((name) => [name, chance.integer(2)]));
    const [own, other] = [draw(), draw()];
    bits.forEach((name, d) => {
      base[b * width + d] = own.get(name)!;
      source[b * width + d] = other.get(name)!;
    });
    const fixed = new Map<string, number>();
    const target = chance.integer(4);
    if (target < 2) {
      // One variable from the other prompt.
      const variable = variables[chance.integer(variables.length)]!;
      masks[variable.block][b * width + wires.indexOf(variable.name)] = 1;
      const upTo = { ...algorithm, variables: variables.slice(0, variables.indexOf(variable) + 1) };
      fixed.set(
        variable.name,
        evaluate(upTo, (name) => other.get(name)!),
      );
    } else if (target === 2) {
      // Any number of wires on which no variable is kept.
      for (const block of [0, 1] as const) {
        wires.forEach((wire, d) => {
          const kept = variables.some((v) => v.block === block && v.name === wire);
          if (!kept && chance.uniform() < 0.5) masks[block][b * width + d] = 1;
        });
      }
    }
    label[b] = evaluate(algorithm, (name) => own.get(name)!, fixed) === 1 ? 1 : -1;
  }
  const rows = (values: Float32Array) => f32([batch, width], values);
  return {
    base: rows(base),
    source: rows(source),
    mask0: rows(masks[0]),
    mask1: rows(masks[1]),
    label: f32([batch], label),
  };
}

/** Mean of log(1 + exp(−label · logit)) with wires of what each block writes taken from another prompt where masks are 1. */
function interchangeObjective(width: number, chance: Random) {
  const b = graphBuilder();
  const input = (name: string) => b.input(name, 'float32', ['batch', width]);
  const [base, source, mask0, mask1] = ['base', 'source', 'mask0', 'mask1'].map(input) as [
    string,
    string,
    string,
    string,
  ];
  const label = b.input('label', 'float32', ['batch']);
  const parameters: string[] = [];
  const weight = (name: string, shape: number[], deviation: number) => {
    parameters.push(name);
    return b.weight(name, normals('float32', shape, deviation, chance));
  };
  const blocks = [0, 1].map((l) => ({
    // Rows are neurons, as gates are written down.
    reads: b.op('Transpose', [weight(`in${l}`, [HIDDEN, width], 1 / Math.sqrt(width))], {
      perm: { ints: [1, 0] },
    }),
    bias: weight(`bias${l}`, [HIDDEN], 0.1),
    out: weight(`out${l}`, [HIDDEN, width], 1 / Math.sqrt(HIDDEN)),
  }));
  const read = weight('read', [1, width], 1 / Math.sqrt(width));
  const constant = weight('constant', [1], 0);
  const write = (x: string, { reads, bias, out }: (typeof blocks)[number]) =>
    b.op('MatMul', [b.op('Relu', [b.op('Add', [b.op('MatMul', [x, reads]), bias])]), out]);
  let [own, other] = [base, source];
  for (const [l, mask] of [mask0, mask1].entries()) {
    const [mine, theirs] = [write(own, blocks[l]!), write(other, blocks[l]!)];
    const mixed = b.op('Add', [mine, b.op('Mul', [mask, b.op('Sub', [theirs, mine])])]);
    own = b.op('Add', [own, mixed]);
    other = b.op('Add', [other, theirs]);
  }
  const product = b.op('ReduceSum', [b.op('Mul', [own, read]), b.ints(1)], { keepdims: { int: 0 } });
  const logit = b.op('Add', [product, constant]);
  const each = b.op('Softplus', [b.op('Neg', [b.op('Mul', [label, logit])])]);
  b.op('ReduceMean', [each, b.ints(0)], { keepdims: { int: 0 } }, 'loss');
  return { graph: b.finish(['loss']), loss: 'loss', parameters };
}

/** Nodes and edges of the algorithm where the network was told to keep them. */
function algorithmsTruth({ bits, variables }: Algorithm, wires: readonly string[]): Truth {
  const node = (name: string): string => {
    const variable = variables.find((v) => v.name === name);
    const site = variable ? sites.gates(variable.block) : sites.embed;
    return `${site}:1:f${wires.indexOf(name)}`;
  };
  const edges = variables.flatMap(({ name, reads }) => reads.map((read) => edgeId(node(read), node(name))));
  edges.push(edgeId(node(variables.at(-1)!.name), OUTPUT));
  const used = bits.filter((bit) => variables.some((v) => v.reads.includes(bit)));
  return { nodes: new Set([...used, ...variables.map((v) => v.name)].map(node)), edges: new Set(edges) };
}
