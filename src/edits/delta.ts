/** @file What one change adds to the state, as nodes: δ(x), and the positions where it acts. */
import { f32, f64, i64, type Tensor } from '../core/tensor.ts';
import { encodeInGraph, positionsRead } from '../dictionaries/fragment.ts';
import type { Activation, Dictionary } from '../dictionaries/types.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { type Change, formOf } from './kinds/registry.ts';
import { RESAMPLE_STRIDE } from './kinds/resample.ts';
import { decoderRows } from './kinds/schema.ts';
import { type Form, onFeatures } from './kinds/types.ts';
import { actsOnFeatures, type Place, type StateForm, stateForm } from './place.ts';

/** A graph under construction, and what a change needs to know of it. */
export interface Site {
  readonly b: GraphBuilder;
  /** The state, [batch, position, N] ([batch, N] without positions). */
  readonly x: string;
  readonly place: Place;
  /** Positions before those of this run, in the step graph. */
  readonly before: string | undefined;
}

/** 1 where a change acts, [batch, position, 1]; undefined where it acts everywhere. */
export function actsWhere({ b, x, place, before }: Site, change: Change): string | undefined {
  if (place.axes < 3) return undefined;
  if (onFeatures(change)) return positionsRead(b, x, change.dictionary.dictionary, before);
  const { positions } = change;
  if (!positions) return undefined;
  return positionsRead(b, x, { sinkNorm: positions.maxNorm ?? Number.POSITIVE_INFINITY }, before);
}

export const floats =
  ({ dtype }: Place) =>
  (shape: readonly number[], values: ArrayLike<number>): Tensor =>
    dtype === 'float64' ? f64(shape, values) : f32(shape, values);

/** δ of a change, [batch, position, N]. */
export const deltaOf = (site: Site, change: Change): string =>
  actsOnFeatures(change) ? featureDelta(site, change) : stateDelta(site, change);

/** δ of a change of the state. */
function stateDelta(site: Site, change: Change): string {
  const { b, x, place } = site;
  const form = stateForm(change, place);
  if (form.form !== 'norm') return formDelta(site, x, form, place.width);
  const constant = (values: Float64Array) => b.constant(floats(place)([values.length], values), 'edit');
  const own = form.mask ? b.op('Mul', [x, constant(form.mask)]) : x;
  const norm = b.op('ReduceL2', [own, b.ints(-1)], { keepdims: { int: 1 } });
  return b.op('Mul', [norm, constant(form.vector)]);
}

/** δ of a change of features: what their activations change by, written with their decoder rows. */
function featureDelta(site: Site, change: Change): string {
  if (!onFeatures(change)) throw new Error('only features have activations');
  const { b, x, place } = site;
  const { features, dictionary } = change;
  const n = features.length;
  const form = formOf(change, n);
  if (form.form === 'norm') throw new Error('no kind moves activations by their norm');
  const moved = formDelta(site, activations(b, x, dictionary.dictionary, features), form, n);
  const rows = b.constant(floats(place)([n, dictionary.dictionary.width], decoderRows(change)), 'edit-write');
  return b.op('MatMul', [moved, rows]);
}

/** Activations of some features of x, [.., n]; their part of the encoder alone where they do not depend on the others. */
function activations(b: GraphBuilder, x: string, d: Dictionary, features: readonly number[]): string {
  const kind = d.activation.kind;
  if (kind !== 'topk' && kind !== 'pursuit' && kind !== 'identity')
    return encodeInGraph(b, x, pick(d, features));
  const all = kind === 'identity' ? x : encodeInGraph(b, x, d);
  return b.op('Gather', [all, b.constant(i64([features.length], features), 'features')], {
    axis: { int: -1 },
  });
}

/** A dictionary with some of its features. */
function pick(d: Dictionary, features: readonly number[]): Dictionary {
  const some = (values: Float32Array, width = 1) => {
    const out = new Float32Array(features.length * width);
    features.forEach((f, i) => {
      out.set(values.subarray(f * width, (f + 1) * width), i * width);
    });
    return out;
  };
  const { activation } = d;
  const kept: Activation =
    activation.kind === 'threshold'
      ? { kind: 'threshold', threshold_F: some(activation.threshold_F) }
      : activation.kind === 'gated'
        ? { kind: 'gated', r_mag_F: some(activation.r_mag_F), b_mag_F: some(activation.b_mag_F) }
        : activation;
  return {
    ...d,
    features: features.length,
    activation: kept,
    W_enc_FD: some(d.W_enc_FD, d.width),
    b_enc_F: some(d.b_enc_F),
    W_dec_FD: some(d.W_dec_FD, d.width),
  };
}

type Moving = Exclude<StateForm | Form, { form: 'norm' }>;

/** δ of coordinates `c` [.., n]. */
function formDelta(site: Site, c: string, form: Moving, n: number): string {
  const { b, place } = site;
  const of = floats(place);
  const constant = (values: Float64Array, shape: readonly number[] = [values.length]) =>
    b.constant(of(values.length === 1 && n !== 1 ? [] : shape, values), 'edit');
  if (form.form === 'rows') {
    const other = b.op('Gather', [constant(form.rows, [form.count, n]), rowNumbers(site, form.count)]);
    const delta = b.op('Sub', [other, c]);
    return 'mask' in form && form.mask ? b.op('Mul', [delta, constant(form.mask)]) : delta;
  }
  const { scale, lowRank, shift } = form;
  const terms: string[] = [];
  if (scale) terms.push(b.op('Mul', [c, constant(scale)]));
  if (lowRank) {
    const read = b.constant(of([n, lowRank.rank], lowRank.read), 'edit-read');
    const write = b.constant(of([lowRank.rank, n], lowRank.write), 'edit-write');
    terms.push(b.op('MatMul', [b.op('MatMul', [c, read]), write]));
  }
  if (shift) terms.push(constant(shift));
  return terms.reduce((a, term) => b.op('Add', [a, term]));
}

/** Which row of `count` stands in at each position: int64 [batch, position], the same whatever run a position falls into. */
function rowNumbers({ b, x, place, before }: Site, count: number): string {
  const counted = (axis: number) => {
    const size = b.op('Shape', [x], { start: { int: axis }, end: { int: axis + 1 } });
    const [zero, one] = [b.constant(i64([], [0]), 'zero'), b.constant(i64([], [1]), 'one')];
    return b.op('Range', [zero, b.op('Squeeze', [size, b.ints(0)]), one]);
  };
  const strided = b.op('Mul', [counted(0), b.ints(RESAMPLE_STRIDE)]);
  if (place.axes < 3) return b.op('Mod', [strided, b.ints(count)]);
  const position = before === undefined ? counted(1) : b.op('Add', [counted(1), before]);
  const both = b.op('Add', [b.op('Unsqueeze', [strided, b.ints(1)]), position]);
  return b.op('Mod', [both, b.ints(count)]);
}
