/** @file Rows of the self-check for optimisers, samplers, least action, barriers, brackets and fields: small problems with known answers. */
import { type CheckRow, checkRow } from '../../core/check.ts';
import { random } from '../../core/random.ts';
import { leastAction } from '../boundary/least-action.ts';
import type { PairFormula } from '../differentiate.ts';
import { energyLaw, type Lattice, sineGordon, startField, stepField } from '../fields/wave.ts';
import { type Landscape, landscape, potentialOf } from '../landscape.ts';
import { conformalLeapfrog } from '../optimisers/conformal-leapfrog.ts';
import { heavyBall } from '../optimisers/heavy-ball.ts';
import type { Optimiser } from '../optimisers/optimiser.ts';
import { recoverHamiltonian, vectorField } from '../poincare.ts';
import { type Chain, expectation } from '../samplers/chain.ts';
import { hmc } from '../samplers/hmc.ts';
import { learningCoefficient } from '../samplers/learning-coefficient.ts';
import { microcanonicalHmc, microcanonicalLangevin } from '../samplers/microcanonical.ts';
import { nuts } from '../samplers/nuts.ts';
import { doubleWell } from '../systems/double-well.ts';
import { discreteLagrangian } from '../variational/discrete-lagrangian.ts';
import { lagrangian } from '../variational/lagrangian.ts';
import { bracketLaws } from './brackets.ts';
import { nudgedElasticBand } from './elastic-band.ts';

const area = 'mechanics';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

/** Bars of the project. */
const BARS = {
  structure: 1e-13,
  standardErrors: 3,
  path: 1e-6,
  endMomentum: 1e-8,
  saddle: 1e-6,
  recovered: 1e-12,
};

/** Everything of the room beside its integrators. */
export const furtherRows = (): CheckRow[] => [
  ...conformalRows(),
  ...samplerRows(),
  ...learningCoefficientRows(),
  ...leastActionRows(),
  ...pointwiseRows(),
];

/** One degree of freedom: the determinant of the map must be e^(−γh). The update is linear in (x, p, ∇f), so it moves tangents itself. */
function conformalRows(): CheckRow[] {
  const [step, friction, curvature] = [0.17, 0.9, 2.6];
  const defect = (make: () => Optimiser) => {
    const image = (x: number, p: number) => {
      const optimiser = make();
      const numbers = { ...optimiser.save().numbers, before: step };
      optimiser.restore({
        name: optimiser.name,
        step: 1,
        numbers,
        vectors: { momentum: Float64Array.of(p) },
      });
      const tangent = Float64Array.of(x);
      optimiser.update(tangent, Float64Array.of(curvature * x), 0);
      return [tangent[0]!, optimiser.save().vectors.momentum![0]!] as const;
    };
    const [[a, c], [b, d]] = [image(1, 0), image(0, 1)];
    return Math.abs(a * d - b * c - Math.exp(-friction * step));
  };
  return [
    row(
      'heavy ball: DΦᵀΩDΦ − e^(−γh) Ω',
      defect(() => heavyBall({ step, friction })),
      BARS.structure,
    ),
    row(
      'conformal leapfrog optimiser: the same',
      defect(() => conformalLeapfrog({ step, friction })),
      BARS.structure,
    ),
  ];
}

const SCALES = [0.5, 1, 1.5, 0.8];
const target: Landscape = {
  name: 'quadratic target',
  dimension: SCALES.length,
  at(x, gradient) {
    let value = 0;
    for (let i = 0; i < x.length; i++) {
      gradient[i] = x[i]! / SCALES[i]! ** 2;
      value += (gradient[i]! * x[i]!) / 2;
    }
    return value;
  },
};

/** Distance of first and second moments from the exact ones, in Monte Carlo standard errors, the worst. */
function worstMoment(chain: Chain): number {
  const distances = SCALES.flatMap((scale, i) => {
    const first = expectation(chain, (x) => x[i]!);
    const second = expectation(chain, (x) => x[i]! ** 2 - scale ** 2);
    return [Math.abs(first.value) / first.error, Math.abs(second.value) / second.error];
  });
  return Math.max(...distances);
}

/** Bias of the narrowest variance under unadjusted microcanonical dynamics. */
function microcanonicalBias(step: number): number {
  const options = { draws: 200_000, warmUp: 500, step, length: 3 };
  const chain = microcanonicalLangevin(target, new Float64Array(4), options, random(4));
  return expectation(chain, (x) => x[0]! ** 2 - SCALES[0]! ** 2).value;
}

function samplerRows(): CheckRow[] {
  const start = new Float64Array(SCALES.length);
  const common = { draws: 3000, warmUp: 300, step: 0.3 };
  const moments = (name: string, chain: Chain) =>
    row(
      `${name}: moments of a quadratic target, standard errors off, worst`,
      worstMoment(chain),
      BARS.standardErrors,
    );
  const slope = Math.log2(microcanonicalBias(1) / microcanonicalBias(0.5));
  return [
    moments('HMC', hmc(target, start, { ...common, length: 1.6 }, random(1))),
    moments('NUTS', nuts(target, start, common, random(2))),
    moments(
      'microcanonical, adjusted',
      microcanonicalHmc(target, start, { ...common, length: 3 }, random(3)),
    ),
    row('microcanonical, not adjusted: bias falls as step², |slope − 2|', Math.abs(slope - 2), 1),
  ];
}

function learningCoefficientRows(): CheckRow[] {
  const sample = (V: Landscape, start: Float64Array) =>
    nuts(V, start, { draws: 4000, warmUp: 300, step: 0.1 }, random(10));
  const powers = [
    [2, 0.5],
    [4, 0.25],
  ] as const;
  return powers.map(([power, lambda]) => {
    const loss = landscape(`x^${power}`, 1, (o, w) => o.pow(w[0]!, power));
    const found = learningCoefficient(loss, [0], { examples: 10_000, localisation: 1e-3, sample });
    const off = Math.abs(found.value - lambda) / found.error;
    return row(
      `learning coefficient of x^${power} is ${lambda}, standard errors off`,
      off,
      BARS.standardErrors,
    );
  });
}

/** L = ½v² + ½q², q(0) = 1, free end: q = cosh(1 − s)/cosh 1. */
function leastActionRows(): CheckRow[] {
  const cost = lagrangian('running cost', 1, (o, q, v) =>
    o.mul(0.5, o.add(o.mul(v[0]!, v[0]!), o.mul(q[0]!, q[0]!))),
  );
  const found = leastAction(discreteLagrangian(cost, 'galerkin-4'), { start: [1], end: [null], steps: 200 });
  const { times, q_KN } = found.trajectory;
  const error = Math.max(
    ...Array.from(times, (s, k) => Math.abs(q_KN[k]! - Math.cosh(1 - s) / Math.cosh(1))),
  );
  return [
    row('least action, N = 200: path against its closed form', error, BARS.path),
    row('least action: spread of H = T − V', found.energySpread, BARS.endMomentum),
    row('least action: momentum at the free end', Math.abs(found.endMomentum[0]!), BARS.endMomentum),
  ];
}

function pointwiseRows(): CheckRow[] {
  const band = nudgedElasticBand(potentialOf(doubleWell()), [-1], [1], { images: 8 });
  const a: PairFormula = (o, q, p) => o.mul(o.sin(q[0]!), o.exp(p[1]!));
  const b: PairFormula = (o, q, p) => o.add(o.mul(q[1]!, p[0]!), o.cos(o.mul(q[0]!, p[1]!)));
  const c: PairFormula = (o, q, p) => o.sub(o.mul(q[0]!, p[1]!), o.mul(q[1]!, p[0]!));
  const laws = bracketLaws([a, b, c], [0.4, -0.7], [0.3, 0.9]);
  const swing = vectorField(2, (o, x) => [x[1]!, o.neg(o.sin(x[0]!))]);
  const recovered = recoverHamiltonian(swing, [0, 0])([2, 1]) - (0.5 + 1 - Math.cos(2));
  return [
    row('elastic band on the double well: barrier − 1', Math.abs(band.barrier.forward - 1), BARS.saddle),
    row(
      'Poisson bracket: antisymmetry, Leibniz, Jacobi, worst',
      Math.max(...Object.values(laws)),
      BARS.structure,
    ),
    row('H of the pendulum recovered from its field', Math.abs(recovered), BARS.recovered),
    row('sine-Gordon lattice: local energy law, worst cell', localEnergyDefect(), BARS.recovered * 100),
  ];
}

function localEnergyDefect(): number {
  const lattice: Lattice = { potential: sineGordon, scheme: 'energy', dx: 0.2, dt: 0.15 };
  const bump = Float64Array.from({ length: 100 }, (_, j) => 3 / Math.cosh((j - 50) * 0.2));
  let state = startField(lattice, bump, new Float64Array(100));
  let worst = 0;
  for (let n = 0; n < 100; n++) {
    const next = stepField(lattice, state);
    const { residual } = energyLaw(lattice, state.before, state.now, next.now);
    worst = residual.reduce((most, r) => Math.max(most, Math.abs(r)), worst);
    state = next;
  }
  return worst;
}
