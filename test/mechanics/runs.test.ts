/** @file Runs: periods by events, dense output, ensembles. */
import { describe, expect, test } from 'vitest';
import { stateOf } from '../../src/mechanics/build.ts';
import { periodError } from '../../src/mechanics/checks.ts';
import type { PairFormula } from '../../src/mechanics/differentiate.ts';
import type { EventSurface } from '../../src/mechanics/events.ts';
import {
  denseOutput,
  ensemble,
  integrate,
  integrateInterruptibly,
  sampleAt,
} from '../../src/mechanics/integrate.ts';
import { integratorNamed, integrators } from '../../src/mechanics/integrators/registry.ts';
import { kepler, keplerOrbit } from '../../src/mechanics/systems/kepler.ts';
import { harmonicOscillator } from '../../src/mechanics/systems/oscillator.ts';
import { pendulum, pendulumPeriod } from '../../src/mechanics/systems/pendulum.ts';

describe('the pendulum’s period', () => {
  test.each([
    [10, 6.295168523699072],
    [30, 6.39256800845016],
    [60, 6.743001419250384],
    [90, 7.4162987092054875],
    [120, 8.626062589998574],
    [150, 11.07225258147507],
    [170, 15.326967999136585],
    [179, 24.51111529810688],
  ])('exactly, at %d°: 4K by the arithmetic–geometric mean against mpmath', (degrees, period) => {
    expect(Math.abs(pendulumPeriod((degrees * Math.PI) / 180) / period - 1)).toBeLessThan(1e-13);
  });
  const methods = [...integrators.values()].filter(
    (method) => method.order >= 6 && ['separable', 'rates', 'lagrangian'].includes(method.needs),
  );
  describe.each(methods.map((method) => method.name))('%s', (name) => {
    test.each([10, 90, 150, 179])('from rest at %d°: within 1e-10', (degrees) => {
      expect(periodError(name, degrees, name.startsWith('variational') ? 0.05 : 0.02)).toBeLessThan(1e-10);
    });
  });
  test('a method of order 2 at this step does not reach it', () =>
    expect(periodError('leapfrog-kdk', 90)).toBeGreaterThan(1e-6));
});

describe('events', () => {
  const method = integratorNamed('kahan-li-8');
  const crossing: EventSurface = { name: 'bottom', surface: (_o, q) => q[0]! };
  test('directions: falling and rising passages take turns, and together are all', () => {
    const count = (direction: -1 | 0 | 1) =>
      integrate(harmonicOscillator(), method, stateOf([1], [0]), {
        step: 0.1,
        steps: 200,
        events: [{ ...crossing, direction }],
      }).hits.map((hit) => hit.t);
    const [falling, all, rising] = [count(-1), count(0), count(1)];
    falling.forEach((t, k) => {
      expect(t).toBeCloseTo(Math.PI / 2 + 2 * Math.PI * k, 11);
    });
    expect([...falling, ...rising].sort((a, b) => a - b)).toEqual(all);
  });
  test('a stop ends the run on the surface', () => {
    const run = integrate(harmonicOscillator(), method, stateOf([1], [0]), {
      step: 0.1,
      steps: 1000,
      events: [{ ...crossing, stop: true }],
    });
    expect(run.final.t).toBeCloseTo(Math.PI / 2, 12);
    expect(Math.abs(run.final.q[0]!)).toBeLessThan(1e-14);
    expect(run.times.at(-1)).toBe(run.final.t);
  });
  test('backwards in time', () => {
    const { hits } = integrate(harmonicOscillator(), method, stateOf([1], [0]), {
      step: -0.1,
      steps: 40,
      events: [crossing],
    });
    expect(hits.map((hit) => hit.t / Math.PI)).toEqual([expect.closeTo(-0.5, 12)]);
  });
  test('with steps of the method’s own choice, and several surfaces at once', () => {
    const { hits } = integrate(kepler(), integratorNamed('adaptive-leapfrog'), keplerOrbit(0.6), {
      step: 0.001,
      steps: 12_000,
      events: [
        { name: 'apsis', surface: (o, q, p) => o.add(o.mul(q[0]!, p[0]!), o.mul(q[1]!, p[1]!)) },
        { name: 'axis', surface: (_o, q) => q[1]! },
      ],
    });
    const apses = hits.filter((hit) => hit.event === 'apsis').map((hit) => hit.t);
    expect(apses.length).toBeGreaterThan(2);
    apses.forEach((t, k) => {
      expect(t).toBeCloseTo(Math.PI * (k + 1), 4);
    });
    expect(hits.map((hit) => hit.t)).toEqual(hits.map((hit) => hit.t).sort((a, b) => a - b));
  });
  test('looking for an event leaves the run as it was', () => {
    const options = { step: 0.05, steps: 400 };
    for (const name of ['leapfrog-kdk', 'adaptive-leapfrog', 'gauss-legendre-4']) {
      const plain = integrate(kepler(), integratorNamed(name), keplerOrbit(0.6), options);
      const watched = integrate(kepler(), integratorNamed(name), keplerOrbit(0.6), {
        ...options,
        events: [{ name: 'axis', surface: (_o, q) => q[1]! }],
      });
      expect(watched.q_KN).toEqual(plain.q_KN);
    }
  });
});

test('dense output has the accuracy of the method between samples far apart', () => {
  const method = integratorNamed('yoshida-8');
  const run = integrate(harmonicOscillator(), method, stateOf([1], [0]), {
    step: 0.1,
    steps: 100,
    every: 30,
  });
  expect([...run.times].map((t) => Math.round(t * 10))).toEqual([0, 30, 60, 90, 100]);
  const at = denseOutput(harmonicOscillator(), method, run);
  for (const t of [0, 0.05, 1.234, 2.9999, 3, 7.77, 10]) expect(at(t).q[0]).toBeCloseTo(Math.cos(t), 10);
  expect(() => at(10.5)).toThrow(expect.objectContaining({ code: 'mechanics.option' }));
  const back = integrate(harmonicOscillator(), method, stateOf([1], [0]), {
    step: -0.1,
    steps: 20,
    every: 7,
  });
  expect(denseOutput(harmonicOscillator(), method, back)(-1.05).q[0]).toBeCloseTo(Math.cos(1.05), 10);
});

test('an ensemble is its members, one by one; a signal ends it', async () => {
  const starts = [0.5, 1, 1.5].map((angle) => stateOf([angle], [0]));
  const options = { step: 0.1, steps: 50 };
  const runs = await ensemble(pendulum(), integratorNamed('pefrl'), starts, options);
  runs.forEach((run, k) => {
    expect(run).toEqual(integrate(pendulum(), integratorNamed('pefrl'), starts[k]!, options));
  });
  expect(starts[0]!.q[0]).toBe(0.5);
  const signal = AbortSignal.abort();
  await expect(
    ensemble(pendulum(), integratorNamed('pefrl'), starts, { ...options, signal }),
  ).rejects.toThrow(expect.objectContaining({ code: 'interrupted' }));
});

test('a run in pieces is the same run, and a signal that comes on the way ends it', async () => {
  const [system, method, start] = [pendulum(), integratorNamed('pefrl'), stateOf([2], [0])];
  const events = [{ name: 'bottom', surface: ((_o, q) => q[0]!) as PairFormula }];
  const ending = [{ ...events[0]!, stop: true, surface: ((o, q) => o.add(q[0]!, 2.5)) as PairFormula }];
  for (const more of [{}, { every: 1000 }, { every: 4099 }, { events }, { events: ending }, { steps: 0 }]) {
    const options = { step: 0.01, steps: 10_001, ...more };
    const pieces = await integrateInterruptibly(system, method, start, options);
    expect(pieces).toEqual(integrate(system, method, start, options));
  }
  const stop = new AbortController();
  setTimeout(() => stop.abort());
  const long = { step: 0.01, steps: 1e15, every: 1e15, signal: stop.signal };
  await expect(integrateInterruptibly(system, method, start, long)).rejects.toThrow(
    expect.objectContaining({ code: 'interrupted' }),
  );
});

test('a run names its clock, counts time without rounding drift, and hands out samples', () => {
  const run = integrate(pendulum(), integratorNamed('leapfrog-dkd'), stateOf([1], [0], 5), {
    step: 0.1,
    steps: 1000,
    clock: 'learning',
  });
  expect(run.clock).toBe('learning');
  expect(run.final.t).toBe(5 + 1000 * 0.1);
  expect(sampleAt(run, 0)).toEqual(stateOf([1], [0], 5));
  expect(sampleAt(run, 1000).q).toEqual(run.final.q);
});
