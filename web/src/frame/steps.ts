/** @file The steps of a study gathered into the six parts of the journey. */
import type { Stage, StepState } from '../api/types.ts';

export interface Part {
  readonly stage: Stage;
  readonly status: StepState['status'];
  readonly steps: readonly StepState[];
  /** Finished share of the part, each step counting the same. */
  readonly share: number;
  readonly seconds: number;
}

export const stages: readonly Stage[] = ['model', 'text', 'features', 'circuit', 'energy', 'edit'];

const finished = (step: StepState) => step.status === 'done' || step.status === 'cached';

/** How far one step is, from 0 to 1. */
export const shareOf = (step: StepState): number =>
  finished(step)
    ? 1
    : step.status === 'running' && step.total
      ? Math.min(1, (step.done ?? 0) / step.total)
      : 0;

function statusOf(steps: readonly StepState[]): StepState['status'] {
  if (steps.length === 0) return 'waiting';
  if (steps.some((step) => step.status === 'failed')) return 'failed';
  if (steps.some((step) => step.status === 'running')) return 'running';
  if (steps.every((step) => step.status === 'cached')) return 'cached';
  if (steps.every(finished)) return 'done';
  return steps.some(finished) ? 'running' : 'waiting';
}

/** The six parts, in order. */
export const partsOf = (steps: readonly StepState[]): Part[] =>
  stages.map((stage) => {
    const own = steps.filter((step) => step.stage === stage);
    return {
      stage,
      steps: own,
      status: statusOf(own),
      share: own.length === 0 ? 0 : own.reduce((sum, step) => sum + shareOf(step), 0) / own.length,
      seconds: own.reduce((sum, step) => sum + (step.seconds ?? 0), 0),
    };
  });
