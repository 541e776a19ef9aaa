/** @file What the makers of steps share. */
import type { StepContext } from '../../core/step.ts';
import type { Resources } from '../resources.ts';
import type { Study } from '../schema.ts';

export interface StepMaker {
  readonly study: Study;
  readonly resources: Resources;
}

/** The part of a step's context that rooms take. */
export const work = ({ progress, signal, threads }: StepContext) => ({
  progress,
  threads,
  ...(signal ? { signal } : {}),
});

/** Bytes of a float32. */
export const FLOAT = 4;
