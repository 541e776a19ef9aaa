/** @file The state of a study as the Studio and the terminal show it: a fold over the messages of its run. */
import type { ErrorReport } from '../core/errors.ts';
import { describeResult } from './describe.ts';
import type { StudyMessage } from './messages.ts';
import type { Stage } from './plan.ts';
import { noResults, type StudyResults, withResult } from './results.ts';

export interface StepState {
  readonly name: string;
  readonly label: string;
  readonly stage: Stage;
  readonly status: 'waiting' | 'running' | 'cached' | 'done' | 'failed';
  readonly done?: number;
  readonly total?: number;
  readonly unit?: string;
  /** What the step took when it ran, also when its result came from the cache. */
  readonly seconds?: number;
  readonly figures?: Readonly<Record<string, number>>;
  readonly summary?: string;
}

export interface StudyState {
  readonly name: string;
  /** The command that makes all this again. */
  readonly command: string;
  readonly steps: readonly StepState[];
  readonly results: StudyResults;
  readonly error?: ErrorReport;
}

/** The state before anything is known. */
export const emptyState: StudyState = { name: '', command: '', steps: [], results: noResults };

/** The state after one more message. */
export function nextState(state: StudyState, message: StudyMessage): StudyState {
  const step = (name: string, change: (old: StepState) => StepState): readonly StepState[] =>
    state.steps.map((old) => (old.name === name ? change(old) : old));
  switch (message.type) {
    case 'planned':
      return {
        name: message.name,
        command: message.command,
        results: noResults,
        steps: message.steps.map(({ name, label, stage }) => ({ name, label, stage, status: 'waiting' })),
      };
    case 'running':
      return { ...state, steps: step(message.step, (old) => ({ ...old, status: 'running' })) };
    case 'finished':
      return {
        ...state,
        steps: step(message.step, (old) => ({
          ...old,
          status: message.cached ? 'cached' : 'done',
          seconds: message.seconds,
          summary: describeResult(message.step, message.result),
          ...(old.total === undefined ? {} : { done: old.total }),
        })),
        results: withResult(state.results, message.step, message.result),
      };
    case 'progress':
      return { ...state, steps: step(message.step, (old) => withProgress(old, message.event)) };
    case 'failed':
      return {
        ...state,
        error: message.error,
        steps: step(message.step ?? '', (old) => ({
          ...old,
          status: message.error.code === 'interrupted' ? 'waiting' : 'failed',
        })),
      };
    case 'complete':
      return state;
  }
}

type Progress = Extract<StudyMessage, { type: 'progress' }>['event'];

/** A step's live numbers follow the part of it that is running. */
function withProgress(old: StepState, event: Progress): StepState {
  switch (event.type) {
    case 'start':
      return { ...old, done: 0, total: event.total, unit: event.unit };
    case 'advance':
      return {
        ...old,
        done: event.done,
        ...(event.total === undefined ? {} : { total: event.total }),
        ...(event.figures ? { figures: { ...old.figures, ...event.figures } } : {}),
      };
    case 'note':
      return { ...old, summary: event.text };
    case 'end':
      return event.summary === undefined ? old : { ...old, summary: event.summary };
  }
}

/** A state that can be watched: folds messages and passes each on with the state after it. */
export interface StudyStore {
  get(): StudyState;
  send(message: StudyMessage): void;
  subscribe(listener: (message: StudyMessage, state: StudyState) => void): () => void;
}

/** A fresh store. */
export function studyStore(): StudyStore {
  let state = emptyState;
  const listeners = new Set<(message: StudyMessage, state: StudyState) => void>();
  return {
    get: () => state,
    send(message) {
      state = nextState(state, message);
      for (const listener of listeners) listener(message, state);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
