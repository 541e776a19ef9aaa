/** @file Names for edits, so that equal ones are measured once. */

import type { PooledEdit } from './problem.ts';
import type { OtherRows } from './rows/types.ts';

/** Names for edits: equal strengths have equal names; other objects have one each. */
export function keyer(): (value: PooledEdit | OtherRows) => string {
  const names = new WeakMap<object, number>();
  let next = 0;
  const nameOf = (value: object): number => {
    const known = names.get(value);
    if (known !== undefined) return known;
    names.set(value, next);
    return next++;
  };
  return (value) => {
    if (!('kind' in value)) return `rows/${nameOf(value)}`;
    switch (value.kind) {
      case 'none':
        return 'none';
      case 'strengths':
        return value.features
          .map((feature, i) => `${feature}:${value.alpha[i]}`)
          .filter((part) => !part.endsWith(':1'))
          .sort()
          .join(',');
      case 'eraser':
        return `eraser/${nameOf(value.eraser)}/${value.strength}`;
      case 'coordinates':
        return `coordinates/${value.coordinates.join(',')}/${value.strength}`;
    }
  };
}

/** The same measure, with equal edits measured once. */
export function oncePerEdit<T>(measure: (edit: PooledEdit) => Promise<T>): (edit: PooledEdit) => Promise<T> {
  const keyOf = keyer();
  const known = new Map<string, Promise<T>>();
  return (edit) => {
    const key = keyOf(edit);
    const found = known.get(key) ?? measure(edit);
    known.set(key, found);
    return found;
  };
}
