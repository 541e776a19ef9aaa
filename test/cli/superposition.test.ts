/** @file `untangle superposition` as a user runs it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

const folder = temporaryFolder();
const run = (...args: string[]) => untangle(['superposition', ...args]);
const json = async (...args: string[]) => {
  const { code, out, err } = await run(...args, '--json');
  expect([code, err.replace(/.*written\n/, '')]).toEqual([0, '']);
  return JSON.parse(out);
};

describe('untangle superposition', () => {
  test('train says what the features form, and draws them', async () => {
    const svg = join(folder, 'plane.svg');
    const { models } = await json(
      'train',
      '--steps',
      '1500',
      '--learning-rate',
      '0.01',
      '--seeds',
      '2',
      '--plot',
      svg,
    );
    expect(models.map((m: { seed: number }) => m.seed)).toEqual([0, 1]);
    for (const { geometry, norms } of models) {
      expect(['pentagon', '2 × digon']).toContain(geometry);
      expect(norms).toHaveLength(5);
    }
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg .*5 features as directions/);
  });

  test('phases lie within a grid step of the closed form', async () => {
    const { cells, gridStepsOffClosedForm } = await json('phases', '--points', '5', '--seeds', '4');
    expect(cells).toHaveLength(25);
    expect(gridStepsOffClosedForm).toBeLessThanOrEqual(1);
  });

  test('film begins tangled and ends at the features', async () => {
    const gif = join(folder, 'film.gif');
    const { mcc } = await json('film', '--steps', '600', '--out', gif);
    expect(mcc.after).toBeGreaterThan(mcc.before + 0.1);
    expect(readFileSync(gif).subarray(0, 6).toString()).toBe('GIF89a');
  });

  test('a sparsity of 1, a plane of three neurons and a film without an ending it knows are refused', async () => {
    const refused = async (...args: string[]) => {
      const { code, err } = await run(...args);
      return [code, err];
    };
    expect(await refused('train', '--sparsity', '1')).toEqual([
      1,
      expect.stringContaining('superposition.sparsity'),
    ]);
    expect(await refused('train', '--neurons', '3', '--picture', 'plane', '--plot', 'x.svg')).toEqual([
      2,
      expect.stringContaining('usage.picture'),
    ]);
    expect(await refused('film', '--out', 'film.mov')).toEqual([2, expect.stringContaining('.gif')]);
  });
});
