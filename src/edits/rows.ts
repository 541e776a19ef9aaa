/** @file Changes of rows: pooled states (means over positions) change as every position does where δ is affine. */
import { EditError } from '../core/errors.ts';
import { type Change, formOf } from './kinds/registry.ts';
import { decoderRows } from './kinds/schema.ts';
import { onFeatures, siteOf } from './kinds/types.ts';
import { actsOnFeatures, type Place, type StateForm, stateForm } from './place.ts';

/** Rows of states at one site, and of the features there. */
export interface PooledRows {
  /** [N, D]. */
  readonly x_ND: ArrayLike<number>;
  readonly width: number;
  /** [N, F], pooled as the states are; for changes of features. */
  readonly features_NF?: ArrayLike<number>;
}

/**
 * x + strength · δ(x) for N rows in float64, [N, D]. Equal to the mean of the changed positions, where the rows are the
 * mean of the positions at which the change acts.
 * @throws EditError `edit.not-linear` where δ is not affine, `edit.shape` without the features, as applyEdit() else
 */
export function editRows(change: Change, rows: PooledRows): Float64Array {
  const { x_ND, width } = rows;
  const out = Float64Array.from(x_ND);
  const count = out.length / width;
  if (!actsOnFeatures(change)) {
    const place: Place = { site: siteOf(change), dtype: 'float64', axes: 3, sizes: [width], width };
    const form = affine(change, stateForm(change, place));
    for (let n = 0; n < count; n++) addDelta(form, x_ND, n * width, width, change.strength, out, n * width);
    return out;
  }
  if (!onFeatures(change)) throw new Error('only features have activations');
  const { features, dictionary } = change;
  const F = dictionary.dictionary.features;
  const { features_NF } = rows;
  if (features_NF === undefined || features_NF.length !== count * F) {
    throw new EditError('edit.shape', `${count} rows have ${features_NF?.length ?? 0} activations`, {
      where: siteOf(change),
      hint: `give the activations of all ${F} features of each row`,
    });
  }
  const n = features.length;
  const form = affine(change, formOf(change, n));
  const W_nD = decoderRows(change);
  for (let row = 0; row < count; row++) {
    const own = Float64Array.from(features, (feature) => features_NF[row * F + feature]!);
    const moved = new Float64Array(n);
    addDelta(form, own, 0, n, change.strength, moved, 0);
    for (let i = 0; i < n; i++) {
      for (let d = 0; d < width; d++) out[row * width + d]! += moved[i]! * W_nD[i * width + d]!;
    }
  }
  return out;
}

type Affine = Extract<StateForm, { form: 'affine' }>;

function affine(change: Change, form: StateForm): Affine {
  if (form.form === 'affine') return form;
  throw new EditError('edit.not-linear', `${change.kind} does not change a mean as it changes its parts`, {
    where: change.kind,
    hint:
      form.form === 'norm'
        ? "steer in raw units: in units of the norm it depends on each position's own norm"
        : 'take mean ablation: resampling draws another row for each position',
  });
}

/** target += factor · δ(c) for the n coordinates from `from` on. */
export function addDelta(
  { scale, lowRank, shift }: Affine,
  c: ArrayLike<number>,
  from: number,
  n: number,
  factor: number,
  target: Float64Array,
  at: number,
): void {
  const pick = (values: Float64Array, i: number) => values[values.length === 1 ? 0 : i]!;
  for (let i = 0; i < n; i++) {
    const own = scale ? pick(scale, i) * c[from + i]! : 0;
    target[at + i]! += factor * (own + (shift ? pick(shift, i) : 0));
  }
  if (!lowRank) return;
  const { rank, read, write } = lowRank;
  for (let k = 0; k < rank; k++) {
    let along = 0;
    for (let i = 0; i < n; i++) along += c[from + i]! * read[i * rank + k]!;
    for (let i = 0; i < n; i++) target[at + i]! += factor * along * write[k * n + i]!;
  }
}
