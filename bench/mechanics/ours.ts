/** @file Our side of the benchmark: answers one line of JSON to each line of JSON, as peer.py does. */
import { createInterface } from 'node:readline';
import { stateOf } from '../../src/mechanics/build.ts';
import { integrate } from '../../src/mechanics/integrate.ts';
import { integratorNamed } from '../../src/mechanics/integrators/registry.ts';
import { nBody } from '../../src/mechanics/systems/n-body.ts';
import { pendulum } from '../../src/mechanics/systems/pendulum.ts';
import type { Separable, State } from '../../src/mechanics/types.ts';
import type { Answer, Command, Problem, Solve } from './settings.ts';

let system: Separable;
let start: State;
let end: number;

function pose({ name, q, p, mass, softening = 0, end: last }: Problem): void {
  system = name === 'pendulum' ? pendulum() : nBody({ masses: mass!, softening });
  start = stateOf(q, p);
  end = last;
}

/** The whole way a user goes: `integrate` with its checks, start and end recorded. */
function solve({ method, setting, seconds }: Solve): Answer {
  const integrator = integratorNamed(method);
  const once = () =>
    integrate(system, integrator, start, { step: end / setting, steps: setting, every: setting });
  // Until the code is compiled.
  for (const began = performance.now(); performance.now() - began < 200; ) once();
  const began = performance.now();
  let runs = 0;
  let run = once();
  for (runs = 1; performance.now() - began < 1000 * seconds; runs++) run = once();
  const took = (performance.now() - began) / 1000;
  return { seconds: took / runs, steps: setting, q: [...run.final.q], p: [...run.final.p] };
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  if ('problem' in command) pose(command.problem);
  console.log(JSON.stringify('problem' in command ? {} : solve(command.solve)));
}
