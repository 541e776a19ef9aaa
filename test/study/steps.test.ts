/** @file The steps of a study: changing one line runs what depends on it again, and nothing else. */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoStudy } from '../../src/study/demo.ts';
import { parseStudy } from '../../src/study/parse.ts';
import { hashSteps } from '../../src/study/plan.ts';
import { noResources } from '../../src/study/resources.ts';
import type { Study } from '../../src/study/schema.ts';
import { studySteps } from '../../src/study/steps.ts';

const hashesOf = async (study: Study) => hashSteps(await studySteps(study, noResources));

/** Names of the steps of `after` that would run when `before` is finished. */
async function toRun(before: Study, after: Study): Promise<string[]> {
  const known = new Set((await hashesOf(before)).values());
  return [...(await hashesOf(after))].filter(([, hash]) => !known.has(hash)).map(([name]) => name);
}

const changed = (
  study: Study,
  index: number,
  change: Partial<Study['dictionaries'][number]['config']>,
): Study => ({
  ...study,
  dictionaries: study.dictionaries.map((d, i) =>
    i === index ? { ...d, config: { ...d.config, ...change } } : d,
  ),
});

describe('the steps of the demo', () => {
  let demo: Study;
  let first: string;
  beforeAll(async () => {
    demo = await demoStudy();
    first = demo.dictionaries[0]?.site ?? '';
  });

  it('stand after those they need, the model first, each with a hash of its own', async () => {
    const steps = await studySteps(demo, noResources);
    expect(steps[0]?.name).toBe('model');
    steps.forEach((step, i) => {
      for (const need of step.needs) expect(steps.indexOf(need)).toBeLessThan(i);
    });
    expect(new Set((await hashesOf(demo)).values()).size).toBe(steps.length);
    const perSite = 3 * demo.dictionaries.length;
    const perTask = 2 * demo.tasks.length;
    // model, text, harvest; edit, flow, sequence.
    expect(steps).toHaveLength(3 + perSite + perTask + 3);
  });

  it('run again after one k has changed: that dictionary and what depends on it, nothing else', async () => {
    const again = await toRun(demo, changed(demo, 0, { k: 16 }));
    expect(again.sort()).toEqual(
      [
        `train/${first}`,
        `evaluate/${first}`,
        `features/${first}`,
        ...demo.tasks.flatMap((task) => [`circuit/${task.name}`, `energy/${task.name}`]),
        ...['edit', 'flow/gender', 'sequence'],
      ].sort(),
    );
  });

  it('run again after a change of the edit: the edit alone', async () => {
    const edit = { ...demo.edit!, strengths: [1] };
    expect(await toRun(demo, { ...demo, edit })).toEqual(['edit']);
  });

  it('run again after a change of one task: what is about it', async () => {
    const tasks = demo.tasks.map((t) => (t.name === 'agreement' ? { ...t, train: t.train + 2 } : t));
    // The edit counts agreement among what else moves.
    expect(await toRun(demo, { ...demo, tasks })).toEqual(['circuit/agreement', 'energy/agreement', 'edit']);
  });

  it('say how circuits are found: another method finds them again, by the name the circuits room knows', async () => {
    const { effectMethod } = await import('../../src/circuits/node-effects.ts');
    const named = async (circuit: string) => {
      const study = parseStudy(
        `model: tiny\ndictionaries: [blocks.1]\ntasks: [agreement]\ncircuit: ${circuit}\n`,
      );
      const step = (await studySteps(study, noResources)).find((s) => s.name === 'circuit/agreement');
      const config = step!.config as { rule: string };
      effectMethod(config.rule);
      return config;
    };
    expect(await named('true')).toMatchObject({
      ...{ rule: 'midpoint-10', baseline: 'counterfactual', aggregation: 'none', select: 'threshold' },
      neurons: true,
    });
    expect(await named('{rule: gauss, points: 5, baseline: mean}')).toMatchObject({
      rule: 'gauss-5',
      baseline: 'mean',
    });
    expect((await named('{rule: adaptive, tolerance: 0.02}')).rule).toBe('adaptive-0.02');
    expect((await named('{rule: attribution}')).rule).toBe('attribution-patching');
    expect((await named('{rule: relp}')).rule).toBe('relp');
    expect((await named('{rule: exact}')).rule).toBe('exact');
    expect(await named('{select: flow, aggregation: sum, neurons: false}')).toMatchObject({
      ...{ select: 'flow', aggregation: 'sum', neurons: false },
    });
    const circuit = { ...demo.circuit!, select: 'flow' as const };
    const found = demo.tasks.flatMap((task) => [`circuit/${task.name}`, `energy/${task.name}`]);
    expect((await toRun(demo, { ...demo, circuit })).sort()).toEqual(
      [...found, 'edit', 'flow/gender'].sort(),
    );
  });

  it('do not run again after another name or an equal way of saying it', async () => {
    const d = demo.dictionaries[0]!;
    expect(await toRun(demo, { ...demo, name: 'another name' })).toEqual([]);
    expect(await toRun(demo, changed(demo, 0, { tokens: d.config.passes! * demo.text.trainTokens }))).toEqual(
      [],
    );
  });

  it('run a comparison for a list, and keep the dictionary that was learned when the list is made longer', async () => {
    const list = (k: string) =>
      parseStudy(`model: tiny\ndictionaries: [{site: blocks.1, features: 64, k: ${k}}]\n`);
    expect(await toRun(list('8'), list('[8, 16]'))).toEqual(['sweep/blocks.1.hook_resid_post']);
    expect(await toRun(list('[8, 16]'), list('[8, 16, 4]'))).toEqual(['sweep/blocks.1.hook_resid_post']);
  });

  it('take a dictionary of others in the place of one that is trained', async () => {
    const study = parseStudy('model: tiny\ndictionaries: [{site: blocks.1, from: owner/name}]');
    const steps = await studySteps(study, noResources);
    expect(steps.map((step) => step.name.split('/')[0])).toEqual([
      'model',
      'text',
      'harvest',
      'import',
      'evaluate',
      'features',
    ]);
  });

  it('keep model and nothing random after another seed', async () => {
    const all = (await studySteps(demo, noResources)).map((s) => s.name);
    expect(await toRun(demo, { ...demo, seed: 1 })).toEqual(all.filter((name) => name !== 'model'));
  });
});

describe('files of the user', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'untangle-steps-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('count by their content’s size and time, not by where they lie', async () => {
    const demo = await demoStudy();
    const source = join(folder, 'text.txt');
    writeFileSync(source, 'some text');
    utimesSync(source, 1000, 1000);
    const study = { ...demo, text: { ...demo.text, source } };
    const before = await hashesOf(study);
    expect(await hashesOf(study)).toEqual(before);
    utimesSync(source, 2000, 2000);
    const after = await hashesOf(study);
    expect(after.get('text')).not.toBe(before.get('text'));
    expect(after.get('model')).toBe(before.get('model'));
  });
});
