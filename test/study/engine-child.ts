/** @file A child process that serves fake steps. */
import { serveEngine } from '../../src/study/engine-serve.ts';
import { childSteps } from './fake-steps.ts';

serveEngine(async (order) => childSteps(order.study.name));
