/** @file Mechanics without a network: from a pendulum to why a symplectic step does not drift, then any system and method. */
import { useCallback, useMemo } from 'react';
import { integrate, type Run } from '../../../../src/mechanics/integrate.ts';
import { canMove, keepsStructure } from '../../../../src/mechanics/integrators/need.ts';
import { integratorNamed, integrators } from '../../../../src/mechanics/integrators/registry.ts';
import { pendulum as pendulumSystem } from '../../../../src/mechanics/systems/pendulum.ts';
import { systemNamed, systems } from '../../../../src/mechanics/systems/registry.ts';
import { pendulumPicture } from '../../../../src/pictures/pendulum.ts';
import { number } from '../../../../src/pictures/scale.ts';
import { energyPicture, phasePortrait, splitPicture } from '../../../../src/study/mechanics/draw.ts';
import { useQuery } from '../../router.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice, Knob, useNumber, useTime } from './knob.tsx';
import { Chaos, Exactness } from './order-and-chaos.tsx';

const pendulum = systemNamed('pendulum');
const degrees = (value: number) => `${value}°`;
/** Degrees at which the pendulum may be let go. */
const angles = [5, 179] as const;

/** A run of a built-in system, or the words of the error that stopped it. */
function attempt(system: string, method: string, step: number, steps: number, q?: number[]): Run | string {
  try {
    const entry = systemNamed(system);
    const start = entry.start();
    if (q) start.q.set(q);
    return integrate(entry.make(), integratorNamed(method), start, { step, steps });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function MechanicsPage() {
  return (
    <>
      <h1>Mechanics, from a pendulum on</h1>
      <p className="lead">
        Untangle borrows words from mechanics: <Word term="phaseSpace">phase space</Word>,{' '}
        <Word term="hamiltonian">Hamiltonian</Word>, <Word term="symplectic">symplectic</Word>. Here they are
        shown on a thing everyone has seen swing. No network is involved; everything on this page is computed
        while you look.
      </p>
      <Swing />
      <EnergySplit />
      <Drift />
      <Exactness />
      <Chaos />
      <Anything />
    </>
  );
}

/** The pendulum let go at an angle that stands in the address, with its knob. */
function useSwing(key: string, fallback: number) {
  const [angle, setAngle] = useNumber(key, fallback, angles);
  const run = useMemo(
    () => attempt('pendulum', 'yoshida-8', 0.05, 300, [(angle * Math.PI) / 180]) as Run,
    [angle],
  );
  const knob = (
    <Knob
      label="Let go at"
      value={angle}
      low={angles[0]}
      high={angles[1]}
      step={1}
      onChange={setAngle}
      format={degrees}
    />
  );
  return { run, knob };
}

/** Lesson 1: the swing, and the same swing as a path in phase space. */
function Swing() {
  const { run, knob } = useSwing('angle', 90);
  const { time, scrubber } = useTime();
  const shown = Math.max(1, Math.round(time * run.times.length));
  const drawPendulum = useCallback(
    (width: number) => {
      const from = Math.max(0, shown - 40);
      return pendulumPicture(
        [...run.q_KN.subarray(from, shown)].filter((_, i) => (shown - 1 - from - i) % 5 === 0),
        {
          width,
          height: 300,
        },
      );
    },
    [run, shown],
  );
  const drawPhase = useCallback(
    (width: number) => phasePortrait(pendulum, pendulum.make(), [{ run }], { width, height: 340 }, time),
    [run, time],
  );
  return (
    <section className="section" aria-labelledby="swing">
      <h2 id="swing">1. A swing is a path through phase space</h2>
      <p className="says">
        To know what a pendulum does next, its angle is not enough: it may be at the bottom and resting, or at
        the bottom and fast. Angle <i>q</i> and momentum <i>p</i> together are enough. Every point of the
        right picture is such a pair; the swing on the left is the blue path. Faint lines join points of equal
        energy, and the dashed one, the <Word term="separatrix">separatrix</Word>, divides swinging from going
        over the top.
      </p>
      <div className="knobs">
        {knob}
        {scrubber}
      </div>
      <div className="pair">
        <Picture draw={drawPendulum} />
        <Picture draw={drawPhase} />
      </div>
      <p className="soft">
        Near 180° the pendulum hesitates at the top and the path hugs the separatrix; the period grows without
        bound.
      </p>
    </section>
  );
}

/** Lesson 2: T and V change, H does not. */
function EnergySplit() {
  const { run, knob } = useSwing('push', 120);
  const draw = useCallback(
    (width: number) => splitPicture(pendulumSystem(), run, { width, height: 260 }),
    [run],
  );
  return (
    <section className="section" aria-labelledby="energy">
      <h2 id="energy">2. One number stays: the energy H</h2>
      <p className="says">
        Energy of motion, T = p²/2, and energy of height, V = 1 − cos q, trade places all the time. Their sum
        H = T + V, the <Word term="hamiltonian">Hamiltonian</Word>, never changes, and it drives the motion:{' '}
        <i>q</i> grows at the rate ∂H/∂p, <i>p</i> falls at the rate ∂H/∂q.
      </p>
      <div className="knobs">{knob}</div>
      <Picture draw={draw} />
    </section>
  );
}

const contenders = ['euler', 'rk4', 'symplectic-euler', 'leapfrog-kdk', 'pefrl'] as const;

/** Lesson 3: the same motion by methods that keep the energy and methods that do not. */
function Drift() {
  const [step, setStep] = useNumber('h', 0.3, [0.05, 1.2]);
  const [method, setMethod] = useQuery('by', 'euler');
  const steps = Math.round(600 / step);
  const runs = useMemo(
    () =>
      contenders.flatMap((name) => {
        const run = attempt('pendulum', name, step, name === 'euler' ? Math.min(steps, 400) : steps);
        return typeof run === 'string' ? [] : [{ run }];
      }),
    [step, steps],
  );
  const chosen = runs.find(({ run }) => run.integrator === method) ?? runs[0];
  const drawPhase = useCallback(
    (width: number) =>
      chosen ? phasePortrait(pendulum, pendulum.make(), [chosen], { width, height: 340 }) : '',
    [chosen],
  );
  const drawEnergy = useCallback((width: number) => energyPicture(runs, { width, height: 340 }), [runs]);
  return (
    <section className="section" aria-labelledby="drift">
      <h2 id="drift">3. Why a symplectic step does not drift</h2>
      <p className="says">
        A computer moves in steps. Euler’s step goes where the arrow points and lands a little outside of its
        energy line, always outside: the pendulum gains energy out of nothing. A finer method such as rk4
        drifts too, only slower. A <Word term="symplectic">symplectic</Word> step is built so that it keeps
        areas of phase space, as the true motion does. It follows a Hamiltonian that differs from H by a
        little (but for an exponentially small remainder), and so, while the step is short, its error goes up
        and down but not away.
      </p>
      <div className="knobs">
        <Knob
          label="Step h"
          value={step}
          low={0.05}
          high={1.2}
          step={0.05}
          onChange={setStep}
          format={(v) => v.toFixed(2)}
        />
        <Choice label="Path by" value={method} of={contenders} onChange={setMethod} />
      </div>
      <div className="pair">
        <Picture draw={drawPhase} />
        <Picture draw={drawEnergy} />
      </div>
    </section>
  );
}

/** Any built-in system by any method that can move it. */
function Anything() {
  const [name, setName] = useQuery('system', 'henon-heiles');
  const entry = systems.get(name) ?? systems.get('henon-heiles')!;
  const able = useMemo(
    () => [...integrators.values()].filter((method) => canMove(method, entry.make())),
    [entry],
  );
  const [asked, setMethod] = useQuery('method');
  const method = able.find((one) => one.name === asked) ?? integratorNamed(entry.integrator);
  const [factor, setFactor] = useNumber('step', 1, [0.25, 8]);
  const { time, scrubber } = useTime();
  const step = entry.step * factor;
  const run = useMemo(
    () => attempt(entry.name, method.name, step, Math.min(4000, Math.round((1500 * entry.step) / step))),
    [entry, method, step],
  );
  const failed = typeof run === 'string' ? run : undefined;
  const drawPhase = useCallback(
    (width: number) =>
      typeof run === 'string'
        ? ''
        : phasePortrait(entry, entry.make(), [{ run }], { width, height: 380 }, time),
    [entry, run, time],
  );
  const drawEnergy = useCallback(
    (width: number) => (typeof run === 'string' ? '' : energyPicture([{ run }], { width, height: 380 })),
    [run],
  );
  return (
    <section className="section" aria-labelledby="any">
      <h2 id="any">6. Any system, any method</h2>
      <p className="says">
        {entry.name}: {entry.about}. Method of order {method.order}
        {keepsStructure(method, entry.make()) ? ', symplectic' : ', not symplectic'}
        {method.symmetric ? ', symmetric' : ''} ({method.reference}).
      </p>
      <div className="knobs">
        <Choice
          label="System"
          value={entry.name}
          of={[...systems.keys()]}
          onChange={(next) => {
            setName(next);
          }}
        />
        <Choice label="Method" value={method.name} of={able.map((one) => one.name)} onChange={setMethod} />
        <Knob
          label="Step"
          value={factor}
          low={0.25}
          high={8}
          step={0.25}
          onChange={setFactor}
          format={() => number(step, 3)}
        />
        {scrubber}
      </div>
      {failed ? (
        <p className="verdict" role="status">
          {failed}
        </p>
      ) : (
        <div className="pair">
          <Picture draw={drawPhase} />
          <Picture draw={drawEnergy} />
        </div>
      )}
    </section>
  );
}
