/** @file All kinds of changes by name, and what an edit is made of. */
import { EditError } from '../../core/errors.ts';
import { type Bottleneck, bottleneck } from './bottleneck.ts';
import { type Clamp, clamp } from './clamp.ts';
import { type Erase, erase } from './erase.ts';
import { type Mean, mean } from './mean.ts';
import { type Project, project } from './project.ts';
import { type Resample, resample } from './resample.ts';
import { type Scale, scale } from './scale.ts';
import { type Steer, steer } from './steer.ts';
import { type Subspace, subspace } from './subspace.ts';
import { type Form, type Kind, onFeatures, type Range } from './types.ts';
import { type Zero, zero } from './zero.ts';

/** One change of a network. */
export type Change = Zero | Mean | Resample | Clamp | Scale | Steer | Project | Erase | Subspace | Bottleneck;
export type KindName = Change['kind'];

/** Changes in their order. */
export interface Edit {
  /** The model it was made for; another one is refused. Absent: any model with the sites. */
  readonly model?: { readonly name: string; readonly hash: string } | undefined;
  readonly changes: readonly Change[];
}

export const kinds: { readonly [K in KindName]: Kind<Extract<Change, { kind: K }>> } = {
  zero,
  mean,
  resample,
  clamp,
  scale,
  steer,
  project,
  erase,
  subspace,
  bottleneck,
};

/** The kind of a change, as one that takes any change: `change.kind` picks it. */
export const kindOf = (change: Change): Kind<Change> => kinds[change.kind] as unknown as Kind<Change>;

/** Whether a change moves the state, and not single coordinates or activations of features. */
export const movesState = (change: Change): boolean => kindOf(change).state === true;

/**
 * δ of a change about `size` coordinates.
 * @throws EditError `edit.strength` (outside of its range), `edit.feature`, `edit.vector`, `edit.no-direction`
 */
export function formOf(change: Change, size: number): Form {
  const kind = kindOf(change);
  requireWithin(change, 'strength', [change.strength], kind.strength);
  if ('by' in change) requireWithin(change, 'by', [change.by].flat(), kind.by!(change));
  if (onFeatures(change)) {
    const { dictionary: d } = change.dictionary;
    const beyond = change.features.find((feature) => feature >= d.features);
    if (beyond !== undefined) {
      throw new EditError('edit.feature', `the dictionary of ${d.site} has no feature ${beyond}`, {
        where: change.dictionary.folder ?? d.site,
        hint: `its features go from 0 to ${d.features - 1}`,
      });
    }
  }
  return kind.form(change, size);
}

function requireWithin(change: Change, what: string, values: readonly number[], [from, to]: Range): void {
  const outside = values.find((value) => !(value >= from && value <= to));
  if (outside === undefined) return;
  throw new EditError('edit.strength', `"${what}" of ${change.kind} is ${outside}`, {
    where: change.kind,
    hint: `it may be from ${from} to ${to}`,
  });
}
