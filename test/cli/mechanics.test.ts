import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systems } from '../../src/mechanics/systems/registry.ts';
import { ORDER_METHODS } from '../../src/study/mechanics/orders.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle, within } from './support.ts';

const folder = temporaryFolder();
const json = async (...args: string[]) => {
  const { code, out, err } = await untangle(['mechanics', ...args, '--json']);
  expect([code, err.replace(/.*written\n/, '')]).toEqual([0, '']);
  return JSON.parse(out);
};

/** What a command prints with --json, without a process. */
const inside = (...args: string[]) => within(['mechanics', ...args, '--json']);

describe('untangle mechanics', () => {
  it('list names systems and methods', async () => {
    const list = await json('list');
    expect(list.systems.map((s: { name: string }) => s.name)).toEqual(
      expect.arrayContaining(['pendulum', 'kepler']),
    );
    expect(list.integrators.find((m: { name: string }) => m.name === 'pefrl')).toMatchObject({
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
    await inside('run', 'kepler', '--picture', 'energy', '--plot', png);
    expect([...readFileSync(png).subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  });

  it('run starts where it is told', async () => {
    const { samples, energy } = JSON.parse(
      await inside('run', 'henon-heiles', '--q', '0.1,0.2', '--p', '0,-0.1', '--steps', '5'),
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

  it('each system has a method that moves it, and orders that can be measured', async () => {
    for (const { name, integrator } of systems.values()) {
      const run = JSON.parse(await inside('run', name, '--steps', '3'));
      expect([run.integrator, run.energy.worst < 1e-3 || name === 'damped-pendulum'], name).toEqual([
        integrator,
        true,
      ]);
    }
    const short = ['--halvings', '1', '--time', '0.5'];
    const measured = async (name: string) =>
      JSON.parse(await inside('order', name, ...short)).map((row: { name: string }) => row.name);
    expect(await measured('double-pendulum')).toEqual(['gauss-legendre-4']);
    expect(await measured('separation-on-spheres')).toEqual(['rattle']);
    expect(await measured('kepler')).toEqual([...ORDER_METHODS]);
  });

  it.each([
    ['run', ['run', 'pendulum', '--steps', '1000000000000000']],
    ['compare', ['compare', 'kepler', '--budget', '1000000000000']],
  ])('%s: Ctrl-C ends what would take years', async (_, args) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    await expect(within(['mechanics', ...args], stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
  });

  it.each([
    ['an unknown system, with the nearest', ['run', 'pendlum'], 'mechanics.unknown-system', 'pendulum'],
    ['an unknown method', ['run', 'pendulum', '--integrator', 'rk5'], 'mechanics.unknown-integrator', 'rk4'],
    [
      'a method that cannot move the system',
      ['run', 'double-pendulum', '--integrator', 'pefrl'],
      'mechanics.needs',
      'implicit-midpoint',
    ],
    [
      'a method that cannot move the system, where orders are measured',
      ['order', 'double-pendulum', '--integrators', 'pefrl'],
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
    ['a system without a section', ['section', 'kepler'], 'mechanics.no-section', 'henon-heiles'],
    [
      'an energy that no orbit has',
      ['section', 'henon-heiles', '--energy', '-1'],
      'usage.invalid-value',
      '0.125',
    ],
    ['no time to compare in', ['compare', 'kepler', '--time', '0'], 'commander.invalidArgument', 'above 0'],
    [
      'a step halved more often than any error falls',
      ['order', 'kepler', '--halvings', '13'],
      'commander.invalidArgument',
      '12 or less',
    ],
  ])('%s is refused', async (_what, args, code, word) => {
    const error = await inside(...args).catch((thrown) => thrown);
    expect(error.code).toBe(code);
    expect(`${error.message} ${error.hint}`).toContain(word);
  });

  it('a picture of an unknown kind is refused before anything runs', async () => {
    const result = await untangle(['mechanics', 'run', 'pendulum', '--plot', 'x.gif', '--json']);
    expect(result.code).toBe(2);
    expect(JSON.parse(result.out).error.code).toBe('usage.invalid-value');
    expect(result.out).toContain('svg');
    expect(existsSync('x.gif')).toBe(false);
  });
});
