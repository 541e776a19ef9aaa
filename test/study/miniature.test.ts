/** @file A real study from file to summary on a tiny model: every room, the engine process, the cache. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFeatureDatabase } from '../../src/dictionaries/feature-reader.ts';
import type { StudyMessage } from '../../src/study/messages.ts';
import { readStudy } from '../../src/study/parse.ts';
import { emptyState, nextState } from '../../src/study/state.ts';
import { runStudy, showCached, stepFolders } from '../../src/study/study.ts';
import type { StudySummary } from '../../src/study/summary.ts';
import { type MiniatureOptions, writeMiniature } from '../support/miniature.ts';

let folder: string;
let workspace: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'untangle-mini-'));
  workspace = join(folder, 'workspace');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function play(options: MiniatureOptions = {}) {
  const study = await readStudy(writeMiniature(folder, options));
  const messages: StudyMessage[] = [];
  const summary = await runStudy(study, {
    workspace,
    threads: 2,
    command: 'untangle study mini.yaml',
    watch: (message) => messages.push(message),
  });
  const ran = messages.flatMap((m) => (m.type === 'running' ? [m.step] : []));
  return { study, messages, summary, ran };
}

describe('a miniature study', () => {
  let first: { summary: StudySummary };

  it('goes from model to edit, and every part has its figures', async () => {
    const { messages, summary, ran } = await play();
    first = { summary };
    expect(ran).toHaveLength(3 + 2 * 3 + 2 + 3);
    const state = messages.reduce(nextState, emptyState);
    expect(state.steps.every((step) => step.status === 'done' && step.summary !== '')).toBe(true);
    expect(state.results.dictionaries.map((d) => d.site)).toEqual([
      'blocks.0.hook_resid_post',
      'blocks.1.hook_resid_post',
    ]);
    for (const d of summary.dictionaries) {
      expect(d.l0).toBeLessThanOrEqual(4);
      expect(d.fve).toBeGreaterThan(0.2);
      expect(d.fve).toBeLessThan(1);
    }
    expect(summary.energy?.costateSpread).toBeLessThan(1e-5);
    expect(state.results.flows[0]?.flow?.imbalance).toBeLessThan(1e-4);
    expect(state.results.sequence?.report?.features[0]?.traces.length).toBeGreaterThan(0);
    expect(summary.circuits[0]).toMatchObject({ task: 'plural' });
    expect(summary.circuits[0]?.nodes).toBeLessThanOrEqual(20);
    expect(summary.edit.map((row) => row.method)).toEqual(['features', 'random', 'mean-ablation']);
    expect(summary.sentence).toMatch(/^In tiny-0, \d+ features and error nodes carry/);
    for (const stage of [
      'model',
      'text',
      'harvest',
      'train',
      'evaluate',
      'features',
      'circuit',
      'energy',
      'edit',
    ])
      expect(summary.seconds[stage]).toBeGreaterThan(0);
    expect(readdirSync(join(workspace, 'cache')).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('runs nothing the second time and says the same', async () => {
    const { summary, ran } = await play();
    expect(ran).toEqual([]);
    const { seconds: _s, memory: _m, ...same } = summary;
    expect(same).toEqual((({ seconds: _a, memory: _b, ...rest }) => rest)(first.summary));
  });

  it('after a change of one k runs that dictionary and what depends on it, and nothing else', async () => {
    const { ran } = await play({ k: 3 });
    const site = 'blocks.1.hook_resid_post';
    expect(ran).toEqual([
      `train/${site}`,
      `evaluate/${site}`,
      `features/${site}`,
      'circuit/plural',
      'energy/plural',
      'edit',
      'flow/plural',
    ]);
  });

  it('shows from the cache what is there, without running', async () => {
    const study = await readStudy(writeMiniature(folder, { strengths: [0.5] }));
    let state = emptyState;
    await showCached(study, workspace, 'untangle study mini.yaml', (message) => {
      state = nextState(state, message);
    });
    expect(state.steps.filter((step) => step.status !== 'cached').map((step) => step.name)).toEqual(['edit']);
    expect(state.results.circuits).toHaveLength(1);
    expect(state.results.edit).toBeUndefined();
  });

  it('has a feature database for each site, where the Studio finds it', async () => {
    const study = await readStudy(writeMiniature(folder));
    const at = (await stepFolders(study, workspace)).get('features/blocks.0.hook_resid_post') ?? '';
    const database = await openFeatureDatabase(at);
    try {
      const { total, rows } = await database.list({ sort: 'max', q: '', limit: 5, offset: 0 });
      expect(total).toBe(64);
      const [best] = rows;
      const detail = await database.read(best?.id ?? -1);
      expect(detail?.passages[0]?.activations).toContain(detail?.maxActivation);
    } finally {
      database.close();
    }
  });
});
