/** @file Adding values into places: what looking up turns into when gradients flow back. */
import type { Emitter } from '../emit.ts';

/** What becomes of an update and what is there already. */
export type Reduction = 'none' | 'add' | 'mul' | 'max' | 'min';

/** ScatterElements of `updates` into `data` along an axis. */
export const scatterAlong = (
  e: Emitter,
  data: string,
  indices: string,
  updates: string,
  axis: number,
  reduction: Reduction,
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
  reduction: Reduction,
): string => e.op('ScatterND', [data, indices, updates], { reduction: { string: reduction } });
