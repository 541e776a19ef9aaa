/**
 * @file Three hand-made nets of two positions and two numbers, with forward runs and Jacobians written out by hand: one
 * block with parallel attention, one with attention before its MLP and error nodes everywhere, one with a gate.
 */
import type { Network } from '../../../src/circuits/cuts.ts';
import type { Pairs } from '../../../src/circuits/examples.ts';
import { type DType, f32, f64 } from '../../../src/core/tensor.ts';
import type { Dictionary } from '../../../src/dictionaries/types.ts';
import { graphBuilder } from '../../../src/graph/build.ts';

/** Rows of numbers; values of the net are [T, D] = 2 × 2, flat. */
type Matrix = readonly (readonly number[])[];
export type Values = Readonly<Record<string, readonly number[]>>;

const T = 2;
const D = 2;
/** Attention pattern: position 1 reads both. */
const A: Matrix = [
  [1, 0],
  [0.3, 0.7],
];
const W_V: Matrix = [
  [0.5, -0.2],
  [0.4, 0.9],
];
const W_in: Matrix = [
  [1, -0.6, 0.3],
  [0.2, 0.8, -1.1],
];
const W_out: Matrix = [
  [0.7, -0.3],
  [0.1, 0.6],
  [-0.5, 0.4],
];
const gateA = [0.9, -0.4];
const gateB = [0.3, 1.2];
const gateC = [0.8, -0.7];
const answer = [1.1, -0.8];

export interface Toy {
  readonly name: string;
  readonly network: Network;
  readonly pairs: Pairs;
  readonly dictionaries: readonly Dictionary[];
  /** Sites of all places, by depth; the first is `embed`. */
  readonly sites: readonly string[];
  /** Clean and patched inputs, [B][T·D]. */
  readonly clean: Matrix;
  readonly patch: Matrix;
  /** All values, with one of them replaced if asked; `metric` has one number. */
  readonly forward: (x: readonly number[], replaced?: Values) => Values;
  /** ∂to/∂from by the direct path at given values: [T·D of to][T·D of from], or nothing where there is none. */
  readonly direct: (from: string, to: string, at: Values) => Matrix | undefined;
  /** What a position's x is read as: features that are active, and which. */
  readonly read: (dictionary: Dictionary, position: number, x: readonly number[]) => Map<number, number>;
}

interface Make {
  readonly name: string;
  readonly attention: 'none' | 'parallel' | 'first';
  readonly mlp: 'relu' | 'gate';
  /** Sites with a dictionary. */
  readonly coded: readonly string[];
}

const makes: readonly Make[] = [
  { name: 'parallel attention', attention: 'parallel', mlp: 'relu', coded: ['attn', 'mlp', 'resid'] },
  { name: 'error nodes', attention: 'first', mlp: 'relu', coded: ['embed', 'attn', 'mlp', 'resid'] },
  { name: 'a gate', attention: 'none', mlp: 'gate', coded: ['mlp', 'resid'] },
];

export const toys = (dtype: DType = 'float32'): Toy[] => makes.map((make, i) => toy(make, dtype, i));

function toy(make: Make, dtype: DType, seed: number): Toy {
  const { attention, mlp } = make;
  const sites = ['embed', ...(attention === 'none' ? [] : ['attn']), 'mlp', 'resid'];
  const clean = [
    [0.6, -0.5, 1.2, 0.4],
    [-0.3, 0.8, 0.5, 1.1],
    [1, 0.2, -0.7, 0.9],
  ];
  const patch = [
    [0.1, -0.9, 0.7, 0.9],
    [-0.3, 0.2, 1.3, 0.6],
    [0.4, 0.5, -0.2, 1.4],
  ];
  const forward: Toy['forward'] = (x, replaced = {}) => {
    const values: Record<string, readonly number[]> = { embed: replaced.embed ?? x };
    const e = values.embed!;
    const attn = attention === 'none' ? [0, 0, 0, 0] : (replaced.attn ?? attend(e));
    if (attention !== 'none') values.attn = attn;
    const h = attention === 'first' ? e.map((v, i) => v + attn[i]!) : e;
    values.mlp = replaced.mlp ?? (mlp === 'relu' ? relu(h) : gate(h));
    values.resid = replaced.resid ?? e.map((v, i) => v + attn[i]! + values.mlp![i]!);
    const s = dot(answer, values.resid.slice(D));
    values.metric = [s * s];
    return values;
  };
  const direct: Toy['direct'] = (from, to, at) => {
    if (to === 'metric') {
      if (from !== 'resid') return undefined;
      const s = dot(answer, at.resid!.slice(D));
      return [[0, 0, 2 * s * answer[0]!, 2 * s * answer[1]!]];
    }
    if (to === 'resid') return square((i, j) => (i === j ? 1 : 0));
    if (to === 'attn') return square((i, j) => A[at_(i)]![at_(j)]! * W_V[j % D]![i % D]!);
    if (from === 'attn' && attention !== 'first') return undefined;
    const h = attention === 'first' ? at.embed!.map((v, i) => v + at.attn![i]!) : at.embed!;
    return square((i, j) => {
      if (at_(i) !== at_(j)) return 0;
      const row = h.slice(at_(i) * D, (at_(i) + 1) * D);
      if (mlp === 'gate') {
        const slope = dot(gateB, row) * gateA[j % D]! + dot(gateA, row) * gateB[j % D]!;
        return gateC[i % D]! * slope;
      }
      let sum = 0;
      for (let n = 0; n < 3; n++) {
        const pre = row[0]! * W_in[0]![n]! + row[1]! * W_in[1]![n]!;
        if (pre > 0) sum += W_in[j % D]![n]! * W_out[n]![i % D]!;
      }
      return sum;
    });
  };
  const tensor = (rows: Matrix) => (dtype === 'float64' ? f64 : f32)([rows.length, T, D], rows.flat());
  return {
    name: make.name,
    ...{ sites, clean, patch, forward, direct, read },
    network: {
      graph: toyGraph(make, dtype),
      cuts: ['embed', 'resid'],
      width: D,
      places: sites.map((site, i) => ({
        site,
        depth: site === 'resid' ? 1 : i / 4,
        width: D,
        complete: site === 'embed' || site === 'resid',
      })),
    },
    pairs: {
      examples: clean.length,
      positions: T,
      clean_BT: new Int32Array(0),
      patch_BT: new Int32Array(0),
      answer_B: new Int32Array(0),
      wrong_B: new Int32Array(0),
      inputs: { clean: { x: tensor(clean) }, patch: { x: tensor(patch) } },
    },
    dictionaries: make.coded.map((site, i) => toyDictionary(site, seed + i)),
  };
}

/** Three features in two dimensions: decoder and encoder differ, so that there is always an error. */
function toyDictionary(site: string, turn: number): Dictionary {
  const swing = (i: number) => 0.1 * Math.sin(3 * i + turn);
  return {
    architecture: 'relu',
    activation: { kind: 'relu' },
    site,
    modelHash: 'toy',
    width: D,
    features: 3,
    W_enc_FD: Float32Array.from([1, 0.1, -0.2, 0.9, -0.6, -0.5], (w, i) => w + swing(i)),
    b_enc_F: Float32Array.of(0.05, -0.1, 0.4),
    W_dec_FD: Float32Array.from([0.8, 0.2, 0.1, 0.7, -0.4, -0.3], (w, i) => w + swing(i + 7)),
    b_dec_D: Float32Array.of(0.02, -0.03),
    sinkNorm: Number.POSITIVE_INFINITY,
  };
}

const at_ = (i: number) => Math.floor(i / D);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const square = (f: (i: number, j: number) => number): Matrix =>
  Array.from({ length: T * D }, (_, i) => Array.from({ length: T * D }, (_, j) => f(i, j)));

const attend = (x: readonly number[]) =>
  x.map((_, i) => {
    let sum = 0;
    for (let j = 0; j < T * D; j++) sum += A[at_(i)]![at_(j)]! * x[j]! * W_V[j % D]![i % D]!;
    return sum;
  });
const relu = (h: readonly number[]) =>
  h.map((_, i) => {
    const row = h.slice(at_(i) * D, (at_(i) + 1) * D);
    let sum = 0;
    for (let n = 0; n < 3; n++) {
      sum += Math.max(0, row[0]! * W_in[0]![n]! + row[1]! * W_in[1]![n]!) * W_out[n]![i % D]!;
    }
    return sum;
  });
const gate = (h: readonly number[]) =>
  h.map((_, i) => {
    const row = h.slice(at_(i) * D, (at_(i) + 1) * D);
    return dot(gateA, row) * dot(gateB, row) * gateC[i % D]!;
  });

const read: Toy['read'] = (dictionary, position, x) => {
  const active = new Map<number, number>();
  if (position === 0) return active;
  for (let f = 0; f < 3; f++) {
    const a =
      dictionary.W_enc_FD[2 * f]! * x[0]! + dictionary.W_enc_FD[2 * f + 1]! * x[1]! + dictionary.b_enc_F[f]!;
    if (a > 0) active.set(f, a);
  }
  return active;
};

function toyGraph({ attention, mlp }: Make, dtype: DType) {
  const b = graphBuilder();
  const matrix = (rows: Matrix) =>
    b.constant((dtype === 'float64' ? f64 : f32)([rows.length, rows[0]!.length], rows.flat()));
  const column = (v: readonly number[]) => matrix(v.map((x) => [x]));
  const x = b.site('embed', b.input('x', dtype, ['batch', T, D]));
  const attn =
    attention === 'none'
      ? undefined
      : b.op('MatMul', [matrix(A), b.op('MatMul', [x, matrix(W_V)])], {}, 'attn');
  const h = attention === 'first' ? b.op('Add', [x, attn!]) : x;
  if (mlp === 'relu') {
    b.op('MatMul', [b.op('Relu', [b.op('MatMul', [h, matrix(W_in)])]), matrix(W_out)], {}, 'mlp');
  } else {
    const product = b.op('Mul', [b.op('MatMul', [h, column(gateA)]), b.op('MatMul', [h, column(gateB)])]);
    b.op('MatMul', [product, matrix([gateC])], {}, 'mlp');
  }
  b.op('Add', [attn ? b.op('Add', [x, attn]) : x, 'mlp'], {}, 'resid');
  const last = b.op('Squeeze', [b.op('Gather', ['resid', b.ints(-1)], { axis: { int: 1 } }), b.ints(1)]);
  const score = b.op('MatMul', [last, column(answer)]);
  b.op('Squeeze', [b.op('Mul', [score, score]), b.ints(1)], {}, 'metric');
  return b.finish(['metric']);
}
