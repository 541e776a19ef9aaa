/** @file `untangle energy …` as a user runs it, on a tiny random model with random dictionaries. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { program } from '../../src/cli/program.ts';
import { writeMiniature, writeMiniatureDictionaries } from '../support/miniature.ts';
import { fakeIo } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'energy-cli-'));
const at = (...parts: string[]) => join(folder, ...parts);

/** Runs one command in this process. */
async function untangle(...args: string[]) {
  const { io, said } = fakeIo(false);
  await program(io).parseAsync(['energy', ...args], { from: 'user' });
  return said;
}
const json = async (...args: string[]) => JSON.parse((await untangle(...args, '--json', '--quiet')).out);
const tiny = ['--model', 'random-tiny', '--threads', '1', '--workspace', at('workspace')];
const dictionaries = ['--dictionaries', at('dictionaries')];
const task = ['--task', at('plural.json'), '--examples', '3'];

beforeAll(async () => {
  writeMiniature(folder);
  await writeMiniatureDictionaries(at('dictionaries'));
});

describe('the depth clock', () => {
  test('budget: every cut, features where there is a dictionary, leaks by rule', async () => {
    const args = ['budget', ...tiny, ...task, ...dictionaries, '--rules', 'midpoint-10', 'left-10'];
    const found = await json(...args);
    expect(found.cuts.map((cut: { cut: number }) => cut.cut)).toEqual([0, 1, 2, 3]);
    expect(found.costate.spread).toBeLessThan(1e-5);
    for (const { deltaM, rules } of found.cuts.slice(1, 3)) {
      const { features, errors, leak } = rules[0];
      expect(Math.abs(features + errors - deltaM)).toBeLessThan(3 * leak * Math.abs(deltaM) + 1e-4);
    }
    expect(found.rules.map((rule: { rule: string }) => rule.rule)).toEqual(['midpoint-10', 'left-10']);
    const said = await untangle(...args, '--plot', at('budget.svg'));
    expect(said.out).toContain('Costate invariant: spread');
    expect(readFileSync(at('budget.svg'), 'utf8')).toContain('error nodes');
    const leaks = [
      'budget',
      ...tiny,
      ...task,
      '--every',
      '2',
      '--picture',
      'leaks',
      '--plot',
      at('leaks.svg'),
    ];
    await untangle(...leaks);
    expect(readFileSync(at('leaks.svg'), 'utf8')).toContain('quadrature rule');
  });

  test('flow: what comes in goes out, and the picture shows it', async () => {
    const args = ['flow', ...tiny, ...task, ...dictionaries, '--rule', 'midpoint-4', '--per-cut', '2'];
    const found = await json(...args);
    expect(found.flow.imbalance).toBeLessThan(1e-4);
    const kinds = found.flow.cuts[1].nodes.map((node: { kind: string }) => node.kind);
    expect(kinds.filter((kind: string) => kind === 'feature')).toHaveLength(2);
    expect(kinds).toContain('errors');
    const said = await untangle(...args, '--plot', at('flow.svg'));
    expect(said.out).toContain('Paths that carry most');
    expect(readFileSync(at('flow.svg'), 'utf8')).toContain('other features');
  });

  test('blocks and brackets', async () => {
    const blocks = await json('blocks', ...tiny, ...task, ...dictionaries);
    expect(blocks.energies.blocks).toHaveLength(3);
    expect(blocks.shares.map((one: { block: number }) => one.block)).toEqual([0, 1]);
    const said = await untangle('blocks', ...tiny, ...task, '--plot', at('blocks.svg'));
    expect(said.out).toContain('drift');
    const brackets = await json('brackets', ...tiny, ...task, ...dictionaries);
    expect(brackets.dictionaries).toHaveLength(2);
    expect(brackets.dictionaries[0].together.defect.median).toBeGreaterThan(0);
    const told = await untangle('brackets', ...tiny, ...task, ...dictionaries, '--plot', at('brackets.svg'));
    expect(told.out).toContain('least possible');
    expect(readFileSync(at('brackets.svg'), 'utf8')).toContain(
      'Canonicity defect of each dictionary (depth clock)',
    );
  });

  test('sequence: T, V, T + V and T − U of features over real texts, beside V permuted in time', async () => {
    const text = ['--text', at('texts'), '--windows', '4', '--length', '20'];
    const args = ['sequence', ...tiny, ...dictionaries, ...text, '--site', 'blocks.1', '--feature', '7'];
    const found = await json(...args);
    expect(found.clock.site).toBe('blocks.1.hook_resid_post');
    expect(found.features[0].feature).toBe(7);
    expect(found.texts[0]).toHaveLength(20);
    for (const { kinetic, p, q } of found.features[0].traces) {
      expect(p.length).toBe(q.length);
      for (const [k, T] of kinetic.entries())
        expect(T).toBeCloseTo(p[k] ** 2 / (2 * found.features[0].mass), 8);
    }
    for (const row of found.clock.tables[0].features) expect(row.article).toBe(row.energy);
    const said = await untangle(...args, '--plot', at('phase.svg'));
    expect(said.out).toContain('V permuted');
    expect(readFileSync(at('phase.svg'), 'utf8')).toContain('Phase portrait of feature 7');
    for (const picture of ['article', 'drift'])
      await untangle(...args, '--picture', picture, '--plot', at(`${picture}.svg`));
    expect(readFileSync(at('article.svg'), 'utf8')).toContain('T − U');
    expect(readFileSync(at('drift.svg'), 'utf8')).toContain('permuted');
  });

  test('importance, circuits by energy, learning and ensembles are printed, drawn and kept for the Studio', async () => {
    const text = ['--text', at('texts'), '--windows', '4', '--length', '20'];
    const own = [...tiny, ...dictionaries];
    const importance = ['importance', ...own, ...text, '--sample', '8', '--min-active', '2'];
    const found = await json(...importance, '--plot', at('importance.svg'));
    expect(found.runs.map((run: { network: string }) => run.network)).toEqual([
      ...['trained', 'untrained', 'shuffled-layers'],
    ]);
    expect(readFileSync(at('importance.svg'), 'utf8')).toContain('drift, untrained'.slice(0, 5));
    const kept = (kind: string) =>
      JSON.parse(readFileSync(at('workspace', 'energy', `${kind}.json`), 'utf8'));
    expect(kept('importance')).toEqual(found);
    const circuit = [
      'circuit',
      ...own,
      ...task,
      '--steps',
      '4',
      '--sizes',
      '2,5',
      '--target',
      '5',
      '--no-flow',
    ];
    const said = await untangle(...circuit, '--plot', at('masks.svg'));
    expect(said.out).toContain('masks by Adam');
    expect(said.err).toContain('the Studio’s Energy page shows it');
    expect(kept('circuit').arms.map((arm: { name: string }) => arm.name)).toContain('energy');
    const learning = await untangle('learning', ...tiny.slice(2), '--system', 'dictionary', '--steps', '20');
    expect(learning.out).toContain('leapfrog');
    expect(kept('learning').runs.length).toBeGreaterThan(3);
    const ensemble = [...own, ...task, ...text, '--masked', '2', '--rows', '24'];
    const told = await untangle('ensemble', ...ensemble, '--plot', at('heat.svg'));
    expect(told.out).toContain('effective features');
    expect(readFileSync(at('heat.svg'), 'utf8')).toContain('specific heat per feature');
  });

  test('the learning clock: a dictionary is learned here, its features ranked by what their own parameters did', async () => {
    const text = ['--text', at('texts'), '--windows', '4', '--length', '20'];
    const learn = [
      '--learn',
      '--features',
      '24',
      '--steps',
      '30',
      '--rows',
      '300',
      '--evaluation-rows',
      '64',
    ];
    const args = ['importance', ...tiny, ...text, ...learn, '--site', 'blocks.1', '--min-active', '2'];
    const found = await json(...args, '--sample', '12');
    expect(found.comparisons[0].site).toBe('blocks.1.hook_resid_post');
    const names = found.comparisons[0].scores.map((score: { name: string }) => score.name);
    expect(names).toContain('learning-work');
    expect(names).toContain('gradient-activation');
    expect(found.comparisons[0].scores[0].nulls).toHaveLength(2);
    for (const { training, rows } of found.runs) {
      expect(training).toMatchObject({ potentialOf: 'evaluation batch', features: 24, steps: 30, batch: 64 });
      expect(training.evaluationRows).toBe(64);
      expect(training.change).toBeLessThan(0);
      expect(training.completeness).toBeLessThan(1e-2);
      expect(training.energy.map((H: number, k: number) => H - training.kinetic[k])).toEqual(
        training.potential.map((V: number) => expect.closeTo(V, 6)),
      );
      for (const { measures } of rows) expect(measures).toHaveLength(names.length);
    }
    // The nulls have learned dictionaries of their own.
    const changes = found.runs.map((run: { training: { change: number } }) => run.training.change);
    expect(new Set(changes).size).toBe(3);
    const ball = ['--no-nulls', '--optimiser', 'heavy-ball', '--picture', 'training', '--sample', '6'];
    const said = await untangle(...args, ...ball, '--plot', at('training.svg'));
    expect(said.out).toContain('work on the learning clock');
    expect(said.out).not.toContain('null');
    expect(readFileSync(at('training.svg'), 'utf8')).toContain('H + friction');
  });

  test('training beside a fixed evaluation batch: V is counted on rows that no step learns from', async () => {
    const args = ['learning', ...tiny.slice(2), '--system', 'dictionary', '--steps', '40'];
    const found = await json(...args, '--evaluation-rows', '100');
    for (const { potentialOf } of found.runs) expect(potentialOf).toBe('evaluation batch');
    const whole = await json(...args);
    expect(whole.runs[0].potentialOf).toBe('full batch');
    expect(found.runs[0].potential[0]).not.toBe(whole.runs[0].potential[0]);
    // Without friction H is kept on the full batch; beside it the batches that change do work.
    expect(found.runs[0].unaccounted).toBeGreaterThan(whole.runs[0].unaccounted);
    expect((await untangle(...args, '--evaluation-rows', '100')).out).toContain('a fixed evaluation batch');
  });

  test('a concept of one’s own: a number of each cut, a potential', async () => {
    const own = [...tiny, ...dictionaries, ...task];
    const module = (name: string) => join(import.meta.dirname, '..', '..', 'examples', name);
    const ratio = await json('concept', module('participation-ratio.ts'), ...own);
    expect(ratio.series.values).toHaveLength(4);
    const said = await untangle('concept', module('spring-potential.ts'), ...own, '--plot', at('spring.svg'));
    expect(said.out).toContain('under the textbook V');
    expect(readFileSync(at('spring.svg'), 'utf8')).toContain('<svg');
  });

  test.each([
    [['concept', 'nowhere.ts', ...tiny, ...dictionaries], 'energy.concept-file'],
    [['sequence', ...tiny, ...dictionaries, '--site', 'blocks.2', '--text', at('texts')], 'energy.no-site'],
    [['flow', ...tiny, ...task], 'energy.no-dictionaries'],
    [['budget', ...tiny, '--task', 'plurals'], 'task.unknown'],
    [['learning', ...tiny.slice(2), '--evaluation-rows', '50'], 'energy.no-rows'],
    [['importance', ...tiny, ...dictionaries, '--evaluation-rows', '50'], 'usage.options'],
    [['importance', ...tiny, ...dictionaries, '--picture', 'training'], 'usage.options'],
    [['importance', ...tiny, ...dictionaries, '--learn'], 'usage.options'],
    [['importance', ...tiny, '--learn', '--length', '1'], 'energy.few-rows'],
    [
      [
        'importance',
        ...tiny,
        '--learn',
        '--optimiser',
        'heavy-ball',
        '--rate',
        '9',
        '--text',
        at('texts'),
        '--length',
        '20',
      ],
      'mechanics.not-finite',
    ],
    [
      ['learning', ...tiny.slice(2), '--system', 'dictionary', '--evaluation-rows', '5000'],
      'energy.few-rows',
    ],
    [
      ['importance', ...tiny, '--learn', '--site', 'blocks.9', '--text', at('texts'), '--length', '20'],
      'circuit.not-a-place',
    ],
    [
      [
        'importance',
        ...tiny,
        '--learn',
        '--text',
        at('texts'),
        '--length',
        '20',
        '--evaluation-rows',
        '100000',
      ],
      'energy.few-rows',
    ],
    [['budget', ...tiny, ...task, '--rules', 'middle-10'], 'circuit.unknown-rule'],
  ])('%s is an error with a code', async (args, code) => {
    await expect(untangle(...args)).rejects.toMatchObject({ code });
  });
});
