/**
 * @file `npm run train:tiny`: the small language model in models/tiny, from public-domain text to committed files.
 * Ctrl-C stops it, the same command goes on; `--again` begins anew. About an hour on two cores.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeMachine } from '../bench/machine.ts';
import { watchInterrupts } from '../src/cli/interrupts.ts';
import { reportError } from '../src/core/errors.ts';
import type { ProgressEvent } from '../src/core/progress.ts';
import { loadDocuments } from '../src/data/text.ts';
import { cacheRoot } from '../src/files/cache.ts';
import { writeFolder } from '../src/models/export-folder.ts';
import { openTokenModel } from '../src/models/open.ts';
import { heldOutBits } from '../src/networks/bits.ts';
import type { CurvePoint } from '../src/networks/checkpoint.ts';
import { languageData, tinyRecipe, trainLanguageModel } from '../src/networks/recipe.ts';
import { categories } from '../src/pictures/colours.ts';
import { linesPicture } from '../src/pictures/lines.ts';
import { modelCard } from './tiny-card.ts';

const threads = 2;
const target = 'models/tiny';
const folder = join(cacheRoot(), 'training', 'tiny');

/** A line for every 50 steps and for whatever else happens. */
function progress(event: ProgressEvent): void {
  if (event.type === 'start') console.log(event.label);
  if (event.type === 'note') console.log(event.text);
  if (event.type !== 'advance' || !event.task.startsWith('train/') || event.done % 50 !== 0) return;
  const { loss = 0, heldOut, stepsPerSecond = 1 } = event.figures ?? {};
  const left = ((event.total ?? 0) - event.done) / stepsPerSecond / 60;
  const held = heldOut === undefined ? '' : `, held out ${heldOut.toFixed(3)}`;
  console.log(
    `step ${event.done} of ${event.total}: loss ${loss.toFixed(3)}${held}, ${Math.ceil(left)} min left`,
  );
}

/** The loss on training batches and on held-out text, in nats a token. */
const curvePicture = (curve: readonly CurvePoint[]): string =>
  linesPicture(
    [
      { name: 'training', colour: categories[0], points: curve.map((p) => ({ x: p.step, y: p.train })) },
      {
        name: 'held out',
        colour: categories[4],
        points: curve.flatMap((p) => (p.heldOut === undefined ? [] : [{ x: p.step, y: p.heldOut }])),
      },
    ],
    {
      ...{ width: 640, height: 360, x: 'step', y: 'nats a token', reach: [] },
      label:
        'Cross-entropy of the next token while the small model was trained, on training and on held-out text',
    },
  );

const interrupts = watchInterrupts(() => console.log('stopping after this step; the same command goes on'));
try {
  mkdirSync(folder, { recursive: true });
  if (process.argv.includes('--again')) rmSync(join(folder, 'checkpoint.safetensors'), { force: true });
  const context = { progress, signal: interrupts.signal, threads };
  const state = await loadDocuments({ kind: 'stdlib', set: 'state-of-the-union' }, context);
  const moby = await loadDocuments({ kind: 'stdlib', set: 'moby-dick' }, context);
  const data = languageData(tinyRecipe, [...state.documents, ...moby.documents]);
  const { parameters, curve, seconds } = await trainLanguageModel(tinyRecipe, data, { ...context, folder });

  await writeFolder(
    { shape: tinyRecipe.shape, weights: new Map(Object.entries(parameters)), tokenizer: data.files },
    target,
    context,
    { precision: 'float16', config: { bos_token_id: 0, eos_token_id: 0 } },
  );
  const lines = data.heldOut.map(({ id, title, text }) => JSON.stringify({ id, title, text }));
  writeFileSync(join(target, 'held-out.jsonl'), `${lines.join('\n')}\n`);
  writeFileSync(join(target, 'loss.svg'), `${curvePicture(curve)}\n`);
  const model = await openTokenModel('tiny', context);
  const heldOut = await heldOutBits(model, data, { length: tinyRecipe.length, batch: 8, start: 0, threads });
  const result = {
    what: 'the small language model in models/tiny: training and held-out text',
    command: 'npm run train:tiny',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    threads,
    recipe: tinyRecipe,
    parameters: model.parameters,
    trainTokens: data.trainStream.length,
    tokensSeen: tinyRecipe.steps * tinyRecipe.batch * tinyRecipe.length,
    seconds: Math.round(seconds),
    heldOut,
    curve,
  };
  writeFileSync(join(target, 'training.json'), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(target, 'README.md'), modelCard(result, [state.attribution, moby.attribution]));
  const { unigram, trigram, model: own } = heldOut.bitsPerByte;
  console.log(
    `held-out bits per byte: model ${own.toFixed(3)}, trigram ${trigram.toFixed(3)}, unigram ${unigram.toFixed(3)}`,
  );
  if (!(own < trigram && own < unigram)) throw new Error('the model is not below both n-gram models');
} catch (error) {
  const { code, message, hint } = reportError(error);
  console.error(`${code}: ${message}${hint === undefined ? '' : `\n${hint}`}`);
  process.exitCode = code === 'interrupted' ? 130 : 1;
} finally {
  interrupts.close();
}
