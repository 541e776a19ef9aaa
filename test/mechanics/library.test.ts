import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('untangle/mechanics stands on its own: a program that imports nothing else moves a pendulum', () => {
  const program = `
    import { integrate, integratorNamed, pendulum, stateOf } from 'untangle/mechanics';
    const run = integrate(pendulum(), integratorNamed('yoshida-8'), stateOf([1], [0]), { step: 0.1, steps: 100 });
    const { q, p } = run.final;
    console.log(JSON.stringify({ t: run.final.t, energy: pendulum().energy(q, p) }));
  `;
  const out = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  const { t, energy } = JSON.parse(out) as { t: number; energy: number };
  expect(t).toBeCloseTo(10, 12);
  expect(Math.abs(energy - (1 - Math.cos(1)))).toBeLessThan(1e-11);
});
