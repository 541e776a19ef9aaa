/** @file onnxruntime's fused normalisations, activations and embeddings taken apart into standard operators. */
import { floatAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';

/** ε of onnxruntime's own normalisations where the node says nothing. */
const EPSILON = 1e-12;

const overLast = (e: Emitter, x: string): string =>
  e.op('ReduceMean', [x, e.ints(-1)], { keepdims: { int: 1 } });

interface Normalised {
  readonly y: string;
  readonly mean: string;
  readonly inverse: string;
}

/** (x − mean)/√(variance + ε) over the last axis, times gain, plus bias (Ba, Kiros & Hinton 2016, arXiv:1607.06450). */
function layerNorm(e: Emitter, node: Node, x: string, gain: string, bias: string | undefined): Normalised {
  const mean = overLast(e, x);
  return { ...scaled(e, node, e.sub(x, mean), gain, bias), mean };
}

/** x/√(mean x² + ε) over the last axis, times gain, plus bias (Zhang & Sennrich 2019, arXiv:1910.07467). */
function scaled(
  e: Emitter,
  node: Node,
  x: string,
  gain: string,
  bias: string | undefined,
): Omit<Normalised, 'mean'> {
  const epsilon = e.number(floatAttribute(node, 'epsilon', EPSILON), x);
  const deviation = e.op('Sqrt', [e.add(overLast(e, e.mul(x, x)), epsilon)]);
  const product = e.mul(e.div(x, deviation), gain);
  return { y: bias ? e.add(product, bias) : product, inverse: e.op('Reciprocal', [deviation]) };
}

/** x·Φ(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415). */
function gelu(e: Emitter, x: string): string {
  const phi = e.add(e.op('Erf', [e.mul(x, e.number(Math.SQRT1_2, x))]), e.number(1, x));
  return e.mul(e.mul(x, e.number(0.5, x)), phi);
}

/** Its approximation by tanh (the same paper, §2). */
function tanhGelu(e: Emitter, x: string): string {
  const cubic = e.add(x, e.mul(e.mul(x, e.mul(x, x)), e.number(0.044715, x)));
  const bent = e.op('Tanh', [e.mul(cubic, e.number(Math.sqrt(2 / Math.PI), x))]);
  return e.mul(e.mul(x, e.number(0.5, x)), e.add(bent, e.number(1, x)));
}

const sum = (e: Emitter, values: readonly (string | undefined)[]): string =>
  values.filter((v) => v !== undefined && v !== '').reduce((a, b) => e.add(a!, b!))!;

export const layerRules: Readonly<Record<string, Rule>> = {
  'com.microsoft:FastGelu': {
    kind: 'lower',
    lower: (e, node) => [tanhGelu(e, sum(e, node.inputs))],
    note: 'taken apart: by tanh',
  },
  'com.microsoft:BiasGelu': {
    kind: 'lower',
    lower: (e, node) => [gelu(e, sum(e, node.inputs))],
    note: 'taken apart',
  },
  /** (input, skip, gain, bias?, bias of the sum?). */
  'com.microsoft:SkipLayerNormalization': {
    kind: 'lower',
    lower(e, node) {
      const [x, skip, gain, bias, more] = node.inputs as [string, string, string, string?, string?];
      const total = sum(e, [x, skip, more]);
      const { y, mean, inverse } = layerNorm(e, node, total, gain, bias || undefined);
      return [y, mean, inverse, total];
    },
    note: 'taken apart',
  },
  /** (input, skip, gain, bias of the sum?). */
  'com.microsoft:SkipSimplifiedLayerNormalization': {
    kind: 'lower',
    lower(e, node) {
      const [x, skip, gain, more] = node.inputs as [string, string, string, string?];
      const total = sum(e, [x, skip, more]);
      const { y, inverse } = scaled(e, node, total, gain, undefined);
      return [y, undefined, inverse, total];
    },
    note: 'taken apart',
  },
  /** (ids, segments?, words, positions, segment table?, gain, bias, mask?, position ids?). */
  'com.microsoft:EmbedLayerNormalization': {
    kind: 'lower',
    lower(e, node) {
      const [ids, segments, words, positions, kinds, gain, bias, mask, places] = node.inputs as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string?,
        string?,
      ];
      const length = e.op('Shape', [ids], { start: { int: 1 }, end: { int: 2 } });
      const first = e.op('Slice', [positions, e.ints(0), length, e.ints(0)]);
      const total = sum(e, [
        e.op('Gather', [words, ids]),
        places ? e.op('Gather', [positions, places]) : first,
        segments ? e.op('Gather', [kinds, segments]) : undefined,
      ]);
      const counted = mask ? e.op('ReduceSum', [mask, e.ints(1)], { keepdims: { int: 0 } }) : undefined;
      const rows = e.op('Shape', [ids], { start: { int: 0 }, end: { int: 1 } });
      const none = () => e.op('Expand', [e.scalar(0, 'int32'), rows]);
      return [
        layerNorm(e, node, total, gain, bias).y,
        node.outputs[1] ? (counted ?? none()) : undefined,
        total,
      ];
    },
    note: 'taken apart',
  },
};
