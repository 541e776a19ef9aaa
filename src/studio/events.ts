/** @file The live line: what the study says is kept for late comers and sent on as server-sent events. */
import type { ServerResponse } from 'node:http';
import type { ProgressEvent, StudioEvent, StudyState } from './shapes.ts';

/** Figures over the time of one task, so that a page opened late still draws the whole curve. */
export interface TaskHistory {
  task: string;
  points: { done: number; figures: Record<string, number> }[];
}

const pointsKept = 240;

/** Keeps the figures of each task; above 240 points every second one is dropped. */
export function keepHistory(): { add(event: ProgressEvent): void; all(): TaskHistory[] } {
  const tasks = new Map<string, TaskHistory>();
  return {
    add(event) {
      if (event.type === 'start') tasks.set(event.task, { task: event.task, points: [] });
      if (event.type !== 'advance' || !event.figures) return;
      const history = tasks.get(event.task) ?? { task: event.task, points: [] };
      history.points.push({ done: event.done, figures: { ...event.figures } });
      if (history.points.length > pointsKept) history.points = history.points.filter((_, i) => i % 2 === 1);
      tasks.set(event.task, history);
    },
    all: () => [...tasks.values()],
  };
}

/** Progress events of one task are sent at most this often (milliseconds); the newest one always arrives. */
const leastGap = 100;

export interface EventStream {
  /** Answers a request with the snapshot first, then with everything that is published. */
  open(response: ServerResponse): void;
  publish(event: StudioEvent): void;
  /** Ends every open answer. */
  close(): void;
}

/** A stream of server-sent events: `state`, `history` and `progress`. */
export function eventStream(snapshot: () => StudyState): EventStream {
  const listeners = new Set<ServerResponse>();
  const history = keepHistory();
  const waiting = new Map<string, NodeJS.Timeout>();
  const latest = new Map<string, ProgressEvent>();
  const write = (response: ServerResponse, name: string, data: unknown) =>
    response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  const send = (name: string, data: unknown) => {
    for (const response of listeners) write(response, name, data);
  };
  const flush = (task: string) => {
    const event = latest.get(task);
    latest.delete(task);
    waiting.delete(task);
    if (event) send('progress', event);
  };
  const heartbeat = setInterval(() => {
    for (const response of listeners) response.write(': still here\n\n');
  }, 15_000);
  heartbeat.unref();

  return {
    open(response) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'keep-alive',
      });
      write(response, 'state', snapshot());
      write(response, 'history', history.all());
      listeners.add(response);
      response.on('close', () => listeners.delete(response));
    },
    publish(event) {
      if (event.type === 'state') return send('state', event.state);
      const progress = event.event;
      history.add(progress);
      if (progress.type !== 'advance') {
        if (progress.task) flush(progress.task);
        return send('progress', progress);
      }
      latest.set(progress.task, progress);
      if (waiting.has(progress.task)) return;
      const timer = setTimeout(() => flush(progress.task), leastGap);
      timer.unref();
      waiting.set(progress.task, timer);
    },
    close() {
      clearInterval(heartbeat);
      for (const timer of waiting.values()) clearTimeout(timer);
      for (const response of listeners) response.end();
      listeners.clear();
    },
  };
}
