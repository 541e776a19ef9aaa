/** @file The study as the page knows it: a snapshot, then what the live line adds. */
import { useSyncExternalStore } from 'react';
import { forgetAnswers } from './client.ts';
import type { FigurePoint, StepState, StudyState } from './types.ts';

/** Figures of each step, for pictures that grow. */
export type History = Readonly<Record<string, readonly FigurePoint[]>>;

export interface Live {
  readonly study?: StudyState;
  readonly history: History;
  readonly connection: 'opening' | 'open' | 'lost';
}

let live: Live = { history: {}, connection: 'opening' };
const listeners = new Set<() => void>();

function set(next: Partial<Live>): void {
  live = { ...live, ...next };
  for (const listener of listeners) listener();
}

/** Opens the live line; the browser itself reconnects when it is lost. Returns how to close it. */
export function connect(): () => void {
  const source = new EventSource('/api/events');
  const on = <T>(name: string, use: (data: T) => void) =>
    source.addEventListener(name, (message) => use(JSON.parse((message as MessageEvent<string>).data) as T));
  on<StudyState>('state', (study) => {
    forgetAnswers();
    set({ study, connection: 'open' });
  });
  on<History>('history', (history) => set({ history }));
  on<{ step: StepState; point?: FigurePoint }>('step', ({ step, point }) => {
    const { study, history } = live;
    if (!study) return;
    const points = history[step.name] ?? [];
    const grown = point && points.at(-1)?.done !== point.done ? [...points, point] : points;
    set({
      study: { ...study, steps: study.steps.map((one) => (one.name === step.name ? step : one)) },
      history: { ...history, [step.name]: grown },
    });
  });
  source.onerror = () => set({ connection: 'lost' });
  return () => source.close();
}

/** The live study. */
export function useLive(): Live {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => live,
  );
}
