/** @file Where a change acts: the coordinates of its site that it is about, and its form over all of them. */
import { EditError, nearestNames } from '../core/errors.ts';
import type { DType } from '../core/tensor.ts';
import { inPlace } from '../dictionaries/types.ts';
import { inferKnown } from '../graph/shapes.ts';
import type { Graph } from '../graph/types.ts';
import { producers } from '../graph/uses.ts';
import { type Change, type Edit, formOf, movesState } from './kinds/registry.ts';
import { type AtSite, type Form, onFeatures, siteOf } from './kinds/types.ts';

/** What an edit is applied to: a model, or any network with a name and a hash. */
export interface EditedNetwork {
  readonly name: string;
  readonly hash: string;
  readonly graph: Graph;
}

/** A value of the network as changes see it. */
export interface Place {
  readonly site: string;
  readonly dtype: DType;
  /** Number of axes: below 3 there is no axis of positions. */
  readonly axes: number;
  /** The fixed axes behind batch and position: [width] or [heads, width of a head]; none for attention scores. */
  readonly sizes: readonly number[];
  /** N, their product; 0 when there are none. */
  readonly width: number;
}

/**
 * The places of all sites of an edit.
 * @throws EditError `edit.other-model`, `edit.unknown-site`; DictionaryError `dictionary.not-in-place`
 */
export function placesOfEdit(edit: Edit, { name, hash, graph }: EditedNetwork): ReadonlyMap<string, Place> {
  if (edit.model && edit.model.hash !== hash) throw otherModel('the edit', edit.model.name, name);
  const known = producers(graph);
  const types = inferKnown(graph);
  const places = new Map<string, Place>();
  for (const change of edit.changes) {
    const site = siteOf(change);
    if (onFeatures(change) && inPlace(change.dictionary.dictionary).modelHash !== hash)
      throw otherModel(`the dictionary of ${site}`, 'another model', name);
    const type = types.get(site);
    if (!known.has(site) || !type) {
      throw new EditError('edit.unknown-site', `${name} has no site "${site}" that can be changed`, {
        where: site,
        hint: `did you mean ${nearestNames(site, known.keys())
          .map((near) => `"${near}"`)
          .join(', ')}?`,
      });
    }
    const inner = type.shape.slice(type.shape.length > 2 ? 2 : 1);
    const sizes = inner.filter((size): size is number => typeof size === 'number');
    const fixed = sizes.length === inner.length && sizes.length <= 2 ? sizes : [];
    const width = fixed.length === 0 ? 0 : fixed.reduce((a, b) => a * b, 1);
    places.set(site, { site, dtype: type.dtype, axes: type.shape.length, sizes: fixed, width });
  }
  return places;
}

const otherModel = (what: string, was: string, is: string) =>
  new EditError('edit.other-model', `${what} was made for ${was}, not for this ${is}`, {
    where: what,
    hint: 'a model with other weights has other features and directions: make the edit again on this one',
  });

/** Which of a site's N coordinates a change is about; undefined for all. @throws EditError `edit.head`, `edit.neuron` */
export function coordinatesOf({ head, neurons, site }: AtSite, place: Place): readonly number[] | undefined {
  const { sizes } = place;
  if (head !== undefined && (sizes.length !== 2 || head >= sizes[0]!)) {
    throw new EditError('edit.head', `"${site}" has no head ${head}`, {
      where: site,
      hint:
        sizes.length === 2
          ? `its heads go from 0 to ${sizes[0]! - 1}`
          : 'heads are told apart at hook_q, hook_k, hook_v and hook_z',
    });
  }
  if (head === undefined && neurons === undefined) return undefined;
  const from = (head ?? 0) * (sizes[1] ?? 0);
  const size = head === undefined ? place.width : sizes[1]!;
  const beyond = neurons?.find((neuron) => neuron >= size);
  if (beyond !== undefined) {
    throw new EditError('edit.neuron', `"${site}" has no coordinate ${beyond}`, {
      where: site,
      hint: size === 0 ? 'it has no fixed width' : `its coordinates go from 0 to ${size - 1}`,
    });
  }
  return (neurons ?? Array.from({ length: size }, (_, i) => i)).map((i) => from + i);
}

/** A form over all N coordinates of a state: those that the change is not about have δ = 0. */
export type StateForm =
  | Extract<Form, { readonly form: 'affine' }>
  /** δ = ‖x ∘ mask‖ · vector. */
  | { readonly form: 'norm'; readonly vector: Float64Array; readonly mask?: Float64Array }
  /** δ = mask ∘ (r − x). */
  | {
      readonly form: 'rows';
      readonly rows: Float64Array;
      readonly count: number;
      readonly mask?: Float64Array;
    };

/** δ of a change that moves the state itself. */
export function stateForm(change: Change, place: Place): StateForm {
  const chosen = onFeatures(change) ? undefined : coordinatesOf(change, place);
  const form = formOf(change, chosen?.length ?? place.width);
  return chosen ? spread(form, chosen, place.width) : form;
}

/** Whether a change acts on activations of features, and not on the state. */
export const actsOnFeatures = (change: Change): boolean => onFeatures(change) && !movesState(change);

function spread(form: Form, chosen: readonly number[], width: number): StateForm {
  const all = (values: Float64Array): Float64Array => {
    const out = new Float64Array(width);
    chosen.forEach((at, i) => {
      out[at] = values[values.length === 1 ? 0 : i]!;
    });
    return out;
  };
  const mask = all(Float64Array.of(1));
  switch (form.form) {
    case 'norm':
      return { form: 'norm', vector: all(form.vector), mask };
    case 'rows': {
      const rows = new Float64Array(form.count * width);
      const size = chosen.length;
      for (let r = 0; r < form.count; r++)
        rows.set(all(form.rows.subarray(r * size, (r + 1) * size)), r * width);
      return { form: 'rows', rows, count: form.count, mask };
    }
    case 'affine': {
      const { scale, shift, lowRank } = form;
      return {
        form: 'affine',
        ...(scale ? { scale: all(scale) } : {}),
        ...(shift ? { shift: all(shift) } : {}),
        ...(lowRank ? { lowRank: spreadLowRank(lowRank, chosen, width) } : {}),
      };
    }
  }
}

type LowRank = NonNullable<Extract<Form, { form: 'affine' }>['lowRank']>;

function spreadLowRank({ rank, read, write }: LowRank, chosen: readonly number[], width: number): LowRank {
  const [wideRead, wideWrite] = [new Float64Array(width * rank), new Float64Array(rank * width)];
  chosen.forEach((at, i) => {
    for (let k = 0; k < rank; k++) {
      wideRead[at * rank + k] = read[i * rank + k]!;
      wideWrite[k * width + at] = write[k * chosen.length + i]!;
    }
  });
  return { rank, read: wideRead, write: wideWrite };
}
