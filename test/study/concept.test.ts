/** @file A user's own modules in a study: run by the engine, kept, run again when changed, and refused with their own words. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StudyMessage } from '../../src/study/messages.ts';
import { parseStudy, readStudy } from '../../src/study/parse.ts';
import { emptyState, nextState } from '../../src/study/state.ts';
import { runStudy } from '../../src/study/study.ts';
import { writeMiniature } from '../support/miniature.ts';

let folder: string;
let path: string;
const own = (value: string) =>
  writeFileSync(
    join(folder, 'margin.mts'),
    `interface Data { readonly clean_B: Float64Array; readonly patch_B: Float64Array }
     export default { kind: 'observable' as const, name: 'margin', meaning: 'mean of m(clean) − m(patch)',
       measure: ({ clean_B, patch_B }: Data) => ${value} };`,
  );
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'untangle-concept-'));
  path = writeMiniature(folder);
  const example = join(process.cwd(), 'examples/participation-ratio.ts');
  const text = readFileSync(path, 'utf8').replace(/^ {2}- \{site: blocks.1.*\n/m, '');
  writeFileSync(path, `${text}concepts: [${example}, ./margin.mts]\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function play() {
  const messages: StudyMessage[] = [];
  const watch = (message: StudyMessage) => messages.push(message);
  const summary = await runStudy(await readStudy(path), {
    ...{ workspace: join(folder, 'workspace'), threads: 1, command: '', watch },
    wanted: (step) => step.name.startsWith('concept/'),
  });
  const state = messages.reduce(nextState, emptyState);
  return { summary, state, ran: messages.flatMap((m) => (m.type === 'running' ? [m.step] : [])) };
}

test('their results stand among those of the study; a changed file runs again alone; an error names the file', async () => {
  own('clean_B.reduce((sum, m, b) => sum + m - patch_B[b]!, 0) / clean_B.length');
  const first = await play();
  expect(first.ran.slice(-2)).toEqual(['concept/participation-ratio/plural', 'concept/margin/plural']);
  const [ratio, margin] = first.state.results.concepts;
  expect(ratio).toMatchObject({ module: 'participation-ratio', task: 'plural', unit: 'coordinates' });
  expect(ratio!.series!.values).toHaveLength(4);
  expect(margin).toMatchObject({ module: 'margin', name: 'margin', kind: 'observable' });
  expect(margin!.value).not.toBe(0);
  const told = first.state.steps.find((s) => s.name === 'concept/margin/plural')!;
  expect(told.summary).toBe(`margin: ${margin!.value!.toPrecision(3)}`);

  // The same in the JSON document that `untangle study --json` ends with.
  expect(JSON.parse(JSON.stringify(first.summary)).concepts).toEqual(first.state.results.concepts);

  own('clean_B.length + 0 * patch_B.length');
  const second = await play();
  expect(second.ran).toEqual(['concept/margin/plural']);
  expect(second.state.results.concepts.map((c) => c.value)).toEqual([undefined, 8]);

  own('patch_B[clean_B.length]! / 1');
  await expect(play()).rejects.toMatchObject({ code: 'energy.concept-number', where: 'margin' });
});

test('a study refuses addresses, two files of one name, and concepts without a task', () => {
  const study = (concepts: string, tasks = '[agreement]') =>
    parseStudy(`model: tiny\ndictionaries: [blocks.1]\ntasks: ${tasks}\nconcepts: ${concepts}\n`);
  expect(study('[./a.ts, b.mjs]').concepts).toEqual(['./a.ts', 'b.mjs']);
  expect(() => study('["https://example.org/a.js"]')).toThrow(
    expect.objectContaining({ code: 'study.invalid' }),
  );
  expect(() => study('[./a.py]')).toThrow(expect.objectContaining({ code: 'study.invalid' }));
  expect(() => study('[./a.ts, other/a.mjs]')).toThrow(
    expect.objectContaining({ code: 'study.duplicate', where: 'study:4' }),
  );
  expect(() => study('[./a.ts]', '[]')).toThrow(expect.objectContaining({ code: 'study.no-task' }));
});
