/** @file A thread that trains lane groups of toy models, one after another, as it is asked. */
import { parentPort } from 'node:worker_threads';
import { reportError } from '../core/errors.ts';
import { type ToyAnswer, type ToyOrder, trainGroup } from './train.ts';

const port = parentPort!;
const post = (answer: ToyAnswer) => port.postMessage(answer);

port.on('message', async ({ index, group, training }: ToyOrder) => {
  try {
    const trained = await trainGroup(group, training, (steps) => post({ type: 'step', index, steps }));
    post({ type: 'done', index, trained });
  } catch (error) {
    post({ type: 'error', error: reportError(error) });
  }
});
