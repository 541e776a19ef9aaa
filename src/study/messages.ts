/** @file What a running study tells whoever watches: terminal, Studio, tests. */
import type { ErrorReport } from '../core/errors.ts';
import type { ProgressEvent } from '../core/progress.ts';
import type { PlannedStep } from './plan.ts';

export type StudyMessage =
  /** The steps are known; nothing has run yet. */
  | { type: 'planned'; name: string; command: string; steps: readonly PlannedStep[] }
  | { type: 'running'; step: string }
  /** A step is finished: `cached` when its result was there already. */
  | { type: 'finished'; step: string; cached: boolean; seconds: number; result: unknown }
  /** Live progress from inside a step. */
  | { type: 'progress'; step: string; event: ProgressEvent }
  /** The study has stopped before its end. */
  | { type: 'failed'; step?: string; error: ErrorReport }
  /** All steps are finished. */
  | { type: 'complete'; seconds: number };

export type Watch = (message: StudyMessage) => void;
