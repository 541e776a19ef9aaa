/** @file Development only: the Studio on INVENTED data. `npx tsx test/support/invented-server.ts [port] [midway]`. */
import { startStudio } from '../../src/studio/server.ts';
import { inventedFeatures } from './invented-features.ts';
import { inventedStudy, inventedStudyMidway } from './invented-study.ts';

const port = Number(process.argv[2] ?? 7171);
const state = process.argv[3] === 'midway' ? inventedStudyMidway() : inventedStudy();
const studio = await startStudio({
  store: { get: () => state, subscribe: () => () => {} },
  port,
  features: inventedFeatures,
});
console.log(studio.url);
