/** @file What is given at the two ends of a path: each coordinate is pinned to a number, or free. */
import { MechanicsError } from '../../core/errors.ts';

/** A number pins the coordinate; `null` leaves it free, and then its momentum at that end is 0. */
export type End = readonly (number | null)[];

/** Both ends of a path, each coordinate pinned or free. */
export interface Ends {
  readonly start: End;
  readonly end: End;
}

/** @throws MechanicsError `mechanics.length` unless both ends name every coordinate, `mechanics.option` for a pin that is no number. */
export function requireEnds({ start, end }: Ends, dimension: number, where: string): void {
  for (const given of [start, end]) {
    if (given.length !== dimension)
      throw new MechanicsError(
        'mechanics.length',
        `${given.length} coordinates at an end, where ${dimension} are expected`,
        {
          where,
          hint: 'give a number or null for every coordinate at each end',
        },
      );
    if (given.some((pin) => pin !== null && !Number.isFinite(pin)))
      throw new MechanicsError('mechanics.option', 'a coordinate is pinned to what is not a finite number', {
        where,
        hint: 'pin it to a number, or leave it free with null',
      });
  }
}
