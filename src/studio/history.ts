/** @file Figures over the time of each step, so that a page opened late still draws the whole curve. */
import type { StudyMessage } from '../study/messages.ts';
import type { FigurePoint } from './shapes.ts';

/** Above this many points of a step every second one is dropped. */
const pointsKept = 240;

export interface FigureHistory {
  add(message: StudyMessage): void;
  all(): Record<string, readonly FigurePoint[]>;
}

/** Remembers the figures that steps report while they run. */
export function figureHistory(): FigureHistory {
  let steps: Record<string, FigurePoint[]> = {};
  return {
    add(message) {
      if (message.type === 'planned') steps = {};
      if (message.type === 'running') steps[message.step] = [];
      if (message.type !== 'progress' || message.event.type !== 'advance' || !message.event.figures) return;
      const points = steps[message.step] ?? [];
      points.push({ done: message.event.done, figures: message.event.figures });
      steps[message.step] = points.length > pointsKept ? points.filter((_, i) => i % 2 === 1) : points;
    },
    all: () => steps,
  };
}
