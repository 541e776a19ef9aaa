/** @file Adding values into places: what looking up turns into when gradients flow back. */
import type { Emitter } from '../emit.ts';

/** ScatterElements of `updates` into `data` along an axis. */
export const scatterAlong = (
  e: Emitter,
  data: string,
  indices: string,
  updates: string,
  axis: number,
  reduction: 'none' | 'add',
): string =>
  e.op('ScatterElements', [data, indices, updates], {
    axis: { int: axis },
    reduction: { string: reduction },
  });

/** ScatterND of `updates` into `data`. */
export const scatterAt = (
  e: Emitter,
  data: string,
  indices: string,
  updates: string,
  reduction: 'none' | 'add',
): string => e.op('ScatterND', [data, indices, updates], { reduction: { string: reduction } });
