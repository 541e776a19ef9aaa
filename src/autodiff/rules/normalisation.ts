/** @file Normalisation layers, taken apart into arithmetic before they are differentiated. */
import { emptyArray, tensor } from '../../core/tensor.ts';
import { floatAttribute, intAttribute, intsAttribute } from '../../graph/attributes.ts';
import { positiveAxis } from '../../graph/dims.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';
import { reshapeLike } from '../shaping.ts';

/** Mean over the node's axis and all after it, kept at size 1. */
function mean(e: Emitter, node: Node, x: string): string {
  const rank = e.shape(x).length;
  const axis = positiveAxis(intAttribute(node, 'axis', -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  return e.op('ReduceMean', [x, e.ints(...axes)], { keepdims: { int: 1 } });
}

/** x · (mean x² + ε)^(−½): value and the factor. */
function scaled(e: Emitter, node: Node, x: string): [string, string] {
  const epsilon = e.number(floatAttribute(node, 'epsilon', 1e-5), x);
  const deviation = e.op('Sqrt', [e.add(mean(e, node, e.mul(x, x)), epsilon)]);
  return [e.div(x, deviation), e.op('Reciprocal', [deviation])];
}

const gained = (e: Emitter, node: Node, x: string): string => {
  const [, gain, bias] = node.inputs;
  const product = gain ? e.mul(x, gain) : x;
  return bias ? e.add(product, bias) : product;
};

/** Root-mean-square norm (Zhang & Sennrich 2019, arXiv:1910.07467). */
const rms: Rule = {
  kind: 'lower',
  lower(e, node) {
    const [value, inverse] = scaled(e, node, node.inputs[0]!);
    return [gained(e, node, value), inverse];
  },
  note: 'taken apart',
};

/** A value per channel, standing so that it broadcasts with images [N, C, …]. */
function perChannel(e: Emitter, value: string, x: string): string {
  const spatial = e.shape(x).slice(2);
  return spatial.length === 0 ? value : e.op('Unsqueeze', [value, e.ints(...spatial.map((_, i) => i + 1))]);
}

const meanOver = (e: Emitter, x: string, axes: readonly number[]): string =>
  e.op('ReduceMean', [x, e.ints(...axes)], { keepdims: { int: 1 } });

/** (x − mean) / √(variance + ε) over axes. */
function standardised(e: Emitter, node: Node, x: string, axes: readonly number[]): string {
  const middle = e.sub(x, meanOver(e, x, axes));
  const variance = meanOver(e, e.mul(middle, middle), axes);
  const epsilon = e.number(floatAttribute(node, 'epsilon', 1e-5), x);
  return e.div(middle, e.op('Sqrt', [e.add(variance, epsilon)]));
}

const lowered = (make: (e: Emitter, node: Node) => readonly (string | undefined)[], note?: string): Rule => ({
  kind: 'lower',
  lower: make,
  ...(note === undefined ? {} : { note }),
});

/** Ioffe & Szegedy 2015, arXiv:1502.03167. In training the statistics are those of the batch. */
function batchNormalization(e: Emitter, node: Node): readonly string[] {
  const [x, gain, bias, runningMean, runningVariance] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
  ];
  const channel = (value: string) => perChannel(e, value, x);
  const finished = (value: string) => e.add(e.mul(value, channel(gain)), channel(bias));
  if (intAttribute(node, 'training_mode', 0) === 0) {
    const epsilon = e.number(floatAttribute(node, 'epsilon', 1e-5), runningVariance);
    const deviation = e.op('Sqrt', [e.add(runningVariance, epsilon)]);
    const scale = channel(e.div(gain, deviation));
    return [e.add(e.mul(e.sub(x, channel(runningMean)), scale), channel(bias))];
  }
  const axes = e.shape(x).flatMap((_, i) => (i === 1 ? [] : [i]));
  const momentum = floatAttribute(node, 'momentum', 0.9);
  const flat = { keepdims: { int: 0 } };
  const mean = e.op('ReduceMean', [x, e.ints(...axes)], flat);
  const middle = e.sub(x, channel(mean));
  const variance = e.op('ReduceMean', [e.mul(middle, middle), e.ints(...axes)], flat);
  const running = (old: string, now: string) =>
    e.add(e.mul(old, e.number(momentum, old)), e.mul(now, e.number(1 - momentum, now)));
  return [
    finished(standardised(e, node, x, axes)),
    running(runningMean, mean),
    running(runningVariance, variance),
  ];
}

/** Wu & He 2018, arXiv:1803.08494. Before opset 21 gain and bias stood per group, since then per channel. */
function groupNormalization(e: Emitter, node: Node): readonly string[] {
  const [x, gain, bias] = node.inputs as [string, string, string];
  const groups = intAttribute(node, 'num_groups', 1);
  const rows = e.op('Reshape', [x, e.ints(0, groups, -1)]);
  const normal = standardised(e, node, rows, [2]);
  const perGroup = e.shape(gain)[0] === groups && e.shape(x)[1] !== groups;
  if (!perGroup) {
    const back = reshapeLike(e, normal, x);
    return [e.add(e.mul(back, perChannel(e, gain, x)), perChannel(e, bias, x))];
  }
  const column = (value: string) => e.op('Unsqueeze', [value, e.ints(1)]);
  return [reshapeLike(e, e.add(e.mul(normal, column(gain)), column(bias)), x)];
}

/** Krizhevsky et al. 2012, §3.3: x / (k + α/n · Σ x²)^β over neighbouring channels. */
function localResponse(e: Emitter, node: Node): readonly string[] {
  const x = node.inputs[0]!;
  const size = intAttribute(node, 'size', 1);
  const before = Math.floor((size - 1) / 2);
  const rows = e.op('Reshape', [e.mul(x, x), e.ints(0, 1, Number(e.shape(x)[1]), -1)]);
  const { dtype } = e.type(x);
  const data = emptyArray(dtype, size);
  for (let i = 0; i < size; i++) data[i] = 1;
  const neighbours = e.op('Conv', [rows, e.constant(tensor(dtype, [1, 1, size, 1], data as never), 'ones')], {
    kernel_shape: { ints: [size, 1] },
    pads: { ints: [before, 0, size - 1 - before, 0] },
  });
  const mean = e.mul(reshapeLike(e, neighbours, x), e.number(floatAttribute(node, 'alpha', 1e-4) / size, x));
  const base = e.add(mean, e.number(floatAttribute(node, 'bias', 1), x));
  return [e.div(x, e.op('Pow', [base, e.number(floatAttribute(node, 'beta', 0.75), x)]))];
}

export const normalisationRules: Readonly<Record<string, Rule>> = {
  /** Ba, Kiros & Hinton 2016, arXiv:1607.06450. */
  LayerNormalization: {
    kind: 'lower',
    lower(e, node) {
      const x = node.inputs[0]!;
      const middle = mean(e, node, x);
      const [value, inverse] = scaled(e, node, e.sub(x, middle));
      return [gained(e, node, value), middle, inverse];
    },
    note: 'taken apart',
  },
  BatchNormalization: lowered(batchNormalization, 'inference and training'),
  /** Ulyanov et al. 2016, arXiv:1607.08022. */
  InstanceNormalization: lowered((e, node) => {
    const [x, gain, bias] = node.inputs as [string, string, string];
    const spatial = e.shape(x).flatMap((_, i) => (i < 2 ? [] : [i]));
    const normal = standardised(e, node, x, spatial);
    return [e.add(e.mul(normal, perChannel(e, gain, x)), perChannel(e, bias, x))];
  }),
  GroupNormalization: lowered(groupNormalization, 'gain and bias per group or per channel'),
  LRN: lowered(localResponse, 'the number of channels must be known'),
  LpNormalization: lowered((e, node) => {
    const x = node.inputs[0]!;
    const axis = positiveAxis(intAttribute(node, 'axis', -1), e.shape(x).length);
    const norm = intAttribute(node, 'p', 2) === 1 ? 'ReduceL1' : 'ReduceL2';
    return [e.div(x, e.op(norm, [x, e.ints(axis)]))];
  }),
  MeanVarianceNormalization: lowered((e, node) => {
    const x = node.inputs[0]!;
    const axes = intsAttribute(node, 'axes') ?? [0, 2, 3];
    const middle = e.sub(x, meanOver(e, x, axes));
    const deviation = e.op('Sqrt', [meanOver(e, e.mul(middle, middle), axes)]);
    return [e.div(middle, e.add(deviation, e.number(1e-9, x)))];
  }),
  RMSNormalization: rms,
  SimplifiedLayerNormalization: rms,
};
