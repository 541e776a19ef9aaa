/** @file Entry of the engine process: opens models, runs sessions and workers, one step of a study after the other. */
import { serveEngine } from './engine-serve.ts';
import { openResources } from './resources.ts';
import { studySteps } from './steps.ts';

serveEngine((order) => studySteps(order.study, openResources(order)));
