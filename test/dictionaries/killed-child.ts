/** @file A process that trains one dictionary with a checkpoint at every rest, and may be killed at any moment. */
import { saveDictionary } from '../../src/dictionaries/files.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { type ChildOrder, killedData } from './killed.ts';

const { config, rows, folder } = JSON.parse(process.argv[2]!) as ChildOrder;
const { dictionary, log } = await trainDictionary(killedData(rows), config, {
  ...{ threads: 2, folder, checkpointSeconds: 0 },
  progress: (event) => event.type === 'start' && process.stdout.write('training\n'),
});
await saveDictionary(folder, dictionary);
process.stdout.write(`${JSON.stringify(log)}\n`);
