/** @file The live line as server-sent events: `state` at every turn of the study, `step` while one runs. */
import type { ServerResponse } from 'node:http';
import type { StudyMessage } from '../study/messages.ts';
import type { StudyState, StudyStore } from '../study/state.ts';
import { figureHistory } from './history.ts';

/** A running step is sent at most this often (milliseconds); its newest state always arrives. */
const leastGap = 100;

export interface EventStream {
  /** Answers with the whole state and the figures so far, then with whatever happens. */
  open(response: ServerResponse): void;
  /** Ends every open answer. */
  close(): void;
}

/** The live line of `store`. Events: `state` StudyState, `history` figures by step, `step` {step, point}. */
export function eventStream(store: Pick<StudyStore, 'get' | 'subscribe'>): EventStream {
  const open = new Set<ServerResponse>();
  const history = figureHistory();
  const waiting = new Map<string, NodeJS.Timeout>();
  const write = (response: ServerResponse, name: string, data: unknown) =>
    response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  const send = (name: string, data: unknown) => {
    for (const response of open) write(response, name, data);
  };
  const sendStep = (name: string) => {
    waiting.delete(name);
    const step = store.get().steps.find((one) => one.name === name);
    if (step) send('step', { step, point: history.all()[name]?.at(-1) });
  };
  const onMessage = (message: StudyMessage, state: StudyState) => {
    history.add(message);
    if (message.type !== 'progress') return send('state', state);
    if (waiting.has(message.step)) return;
    const timer = setTimeout(() => sendStep(message.step), leastGap);
    timer.unref();
    waiting.set(message.step, timer);
  };
  const unsubscribe = store.subscribe(onMessage);
  const heartbeat = setInterval(() => {
    for (const response of open) response.write(': still here\n\n');
  }, 15_000);
  heartbeat.unref();

  return {
    open(response) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'keep-alive',
      });
      write(response, 'state', store.get());
      write(response, 'history', history.all());
      open.add(response);
      response.on('close', () => open.delete(response));
    },
    close() {
      unsubscribe();
      clearInterval(heartbeat);
      for (const timer of waiting.values()) clearTimeout(timer);
      for (const response of open) response.end();
      open.clear();
    },
  };
}
