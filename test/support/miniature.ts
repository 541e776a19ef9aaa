/** @file A whole study in seconds: a tiny random model, invented words, a task of our own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../src/core/random.ts';
import { saveDictionary } from '../../src/dictionaries/files.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { randomDictionary } from '../circuits/support/dictionaries.ts';

const words = 'the a cat dog runs jumps over under blue red river tree house and but slowly quickly'.split(
  ' ',
);
const plurals = ['cat', 'dog', 'cow', 'hen', 'pig', 'bat', 'rat', 'fox', 'owl', 'bee', 'ant', 'ape'];

export interface MiniatureOptions {
  readonly k?: number;
  readonly passes?: number;
  readonly strengths?: readonly number[];
}

/** Writes study, text and task into `folder` (text and task only once) and returns the path of the study. */
export function writeMiniature(
  folder: string,
  { k = 4, passes = 2, strengths = [1] }: MiniatureOptions = {},
): string {
  const texts = join(folder, 'texts');
  const path = join(folder, 'mini.yaml');
  if (mkdirSync(texts, { recursive: true }) !== undefined) {
    const stream = random(1);
    for (let i = 0; i < 12; i++) {
      const text = Array.from({ length: 120 }, () => words[stream.integer(words.length)]).join(' ');
      writeFileSync(join(texts, `${String(i).padStart(2, '0')}.txt`), text);
    }
    const examples = plurals.map((noun) => ({
      clean: `the ${noun}s`,
      patch: `the ${noun} `,
      answer: 'x',
      wrong: 'y',
    }));
    writeFileSync(join(folder, 'plural.json'), JSON.stringify({ name: 'plural', examples }));
  }
  writeFileSync(
    path,
    `name: A miniature
model: random-tiny
text: {source: texts, windowLength: 32, trainTokens: 4000, heldOutTokens: 1000}
dictionaries:
  - {site: blocks.0, features: 64, k: 4, passes: ${passes}, batch: 256}
  - {site: blocks.1, features: 64, k: ${k}, passes: ${passes}, batch: 256}
tasks: [{name: plural, file: plural.json}]
circuit: {points: 4, maxNodes: 20}
energy: {examples: 4}
edit: {task: plural, features: 2, strengths: [${strengths.join(', ')}]}
`,
  );
  return path;
}

/** Saves random dictionaries of the model random-tiny, of the states after blocks 0 and 1, in folders named by their sites. */
export async function writeMiniatureDictionaries(folder: string): Promise<void> {
  const model = tinyLlama(0, { layers: 3, width: 32, mlpWidth: 48 });
  for (const block of [0, 1]) {
    const site = `blocks.${block}.hook_resid_post`;
    const dictionary = randomDictionary(random(block), { site, width: 32, features: 48, k: 4 }, model.hash);
    await saveDictionary(join(folder, site), dictionary);
  }
}
