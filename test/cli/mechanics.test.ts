import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

const folder = temporaryFolder();
const json = async (...args: string[]) => {
  const { code, out, err } = await untangle(['mechanics', ...args, '--json']);
  expect([code, err.replace(/.*written\n/, '')]).toEqual([0, '']);
  return JSON.parse(out);
};

describe('untangle mechanics', () => {
  it('list names systems and methods', async () => {
    const { systems, integrators } = await json('list');
    expect(systems.map((s: { name: string }) => s.name)).toEqual(
      expect.arrayContaining(['pendulum', 'kepler']),
    );
    expect(integrators.find((m: { name: string }) => m.name === 'pefrl')).toMatchObject({
      order: 4,
      symplectic: true,
      forcesPerStep: 4,
    });
  });

  it('run follows the harmonic oscillator to where the cosine is, and draws it as SVG and PNG', async () => {
    const svg = join(folder, 'oscillator.svg');
    const run = await json(
      'run',
      'harmonic-oscillator',
      '--integrator',
      'yoshida-8',
      '--steps',
      '100',
      '--plot',
      svg,
    );
    expect(run.final.t).toBeCloseTo(10, 12);
    expect(run.final.q[0]).toBeCloseTo(Math.cos(10), 9);
    expect(run.samples.t).toHaveLength(101);
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg .*position q.*<\/svg>$/s);
    const png = join(folder, 'energy.png');
    await json('run', 'kepler', '--picture', 'energy', '--plot', png);
    expect([...readFileSync(png).subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  });

  it('run starts where it is told', async () => {
    const { samples, energy } = await json(
      'run',
      'henon-heiles',
      '--q',
      '0.1,0.2',
      '--p',
      '0,-0.1',
      '--steps',
      '5',
    );
    expect([samples.q[0], samples.p[0]]).toEqual([
      [0.1, 0.2],
      [0, -0.1],
    ]);
    expect(energy.start).toBeCloseTo(0.005 + 0.005 + 0.02 + 0.002 - 0.008 / 3, 14);
  });

  it('compare spends the same on every method and ranks them by energy error', async () => {
    const all: { integrator: string; forces: number; worst: number; failed?: string }[] = await json(
      ...['compare', 'kepler', '--budget', '4000', '--time', '12.566'],
    );
    const rows = all.filter((row) => !row.failed);
    expect(rows.length).toBeGreaterThan(20);
    for (const { integrator, forces } of rows) {
      expect(forces, integrator).toBeGreaterThan(0.85 * 4000);
      expect(forces, integrator).toBeLessThan(1.15 * 4000);
    }
    const errors = rows.map((row) => row.worst);
    expect(errors).toEqual([...errors].sort((a, b) => a - b));
    const worst = (name: string) => rows.find((row) => row.integrator === name)!.worst;
    expect(worst('pefrl')).toBeLessThan(worst('forest-ruth'));
    expect(worst('leapfrog-kdk')).toBeLessThan(worst('euler'));
  });

  it('order measures the slope that theory gives', async () => {
    const rows: { name: string; order: number; slope: number }[] = await json(
      ...['order', 'kepler', '--integrators', 'symplectic-euler', 'leapfrog-dkd', 'pefrl', '--halvings', '3'],
    );
    for (const { name, order, slope } of rows) expect(Math.abs(slope - order), name).toBeLessThan(0.15);
  });

  it('section: every passage lies on the surface of one energy', async () => {
    const { energy, orbits } = await json('section', 'henon-heiles', '--orbits', '3', '--time', '200');
    expect(orbits).toHaveLength(3);
    for (const { points } of orbits as { points: [number, number][] }[]) {
      expect(points.length).toBeGreaterThan(10);
      // On x = 0: what y and its momentum leave for x's must not be negative.
      for (const [y, p] of points)
        expect(2 * energy - p * p - y * y + (2 / 3) * y ** 3).toBeGreaterThan(-1e-5);
    }
  });

  it.each([
    ['an unknown system, with the nearest', ['run', 'pendlum'], 'mechanics.unknown-system', 'pendulum'],
    ['an unknown method', ['run', 'pendulum', '--integrator', 'rk5'], 'mechanics.unknown-integrator', 'rk4'],
    [
      'a method that cannot move the system',
      ['run', 'double-pendulum'],
      'mechanics.needs',
      'implicit-midpoint',
    ],
    ['a step of 0', ['run', 'pendulum', '--dt', '0'], 'mechanics.option', 'other than 0'],
    [
      'friction in a comparison of energies',
      ['compare', 'damped-pendulum'],
      'mechanics.not-conserved',
      'friction',
    ],
    [
      'friction where orders are measured by energy',
      ['order', 'damped-pendulum'],
      'mechanics.not-conserved',
      'friction',
    ],
    ['no time to compare in', ['compare', 'kepler', '--time', '0'], 'usage.invalid-value', 'above 0'],
    ['a system without a section', ['section', 'kepler'], 'mechanics.no-section', 'henon-heiles'],
    ['a picture of an unknown kind', ['run', 'pendulum', '--plot', 'x.gif'], 'usage.invalid-value', 'svg'],
    [
      'an energy that no orbit has',
      ['section', 'henon-heiles', '--energy', '-1'],
      'usage.invalid-value',
      '0.125',
    ],
  ])('%s is refused', async (_what, args, code, word) => {
    const result = await untangle(['mechanics', ...args, '--json']);
    expect(result.code).not.toBe(0);
    expect(JSON.parse(result.out).error.code).toBe(code);
    expect(result.out).toContain(word);
    expect(existsSync('x.gif')).toBe(false);
  });
});
