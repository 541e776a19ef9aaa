import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { stateOf } from '../../src/mechanics/build.ts';
import { noetherCharge } from '../../src/mechanics/diagnostics/noether.ts';
import { type Formula, real } from '../../src/mechanics/differentiate.ts';
import { integrate } from '../../src/mechanics/integrate.ts';
import { leapfrogKDK } from '../../src/mechanics/integrators/leapfrog.ts';
import { type Landscape, landscape, particle } from '../../src/mechanics/landscape.ts';
import { conformalLeapfrog } from '../../src/mechanics/optimisers/conformal-leapfrog.ts';
import { sgd } from '../../src/mechanics/optimisers/sgd.ts';

/** Two inputs, two linear layers a (2) and b (2), a smooth loss of their product: θ = (a, b). Rescaling a → ca, b → b/c is a symmetry. */
const rescaled: Formula = (o, t) => {
  const outputs = [o.mul(t[0]!, t[2]!), o.mul(t[1]!, t[3]!)];
  const errors = [o.sub(outputs[0]!, 0.7), o.sub(outputs[1]!, -0.4)];
  return o.add(o.mul(errors[0]!, errors[0]!), o.exp(o.mul(errors[1]!, errors[1]!)));
};
/** A loss of the direction of θ alone, as before a normalisation. */
const scaleFree: Formula = (o, t) => {
  const norm = o.sqrt(o.add(o.mul(t[0]!, t[0]!), o.add(o.mul(t[1]!, t[1]!), o.mul(t[2]!, t[2]!))));
  const [x, y, z] = [0, 1, 2].map((i) => o.div(t[i]!, norm));
  return o.add(o.mul(x!, y!), o.mul(0.5, o.mul(z!, z!)));
};
/** A loss of the differences of logits. */
const shifted: Formula = (o, t) =>
  o.log(o.add(o.exp(o.sub(t[1]!, t[0]!)), o.add(1, o.exp(o.sub(t[2]!, t[0]!)))));

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

/** Rate of change of a function of (q, p) along a conservative motion, by a central difference of fine steps. */
function rateAlong(
  V: Landscape,
  q: number[],
  p: number[],
  of: (q: Float64Array, p: Float64Array) => number,
): number {
  const h = 1e-4;
  const system = particle(V);
  const [ahead, behind] = [h, -h].map((step) => {
    const { final } = integrate(system, leapfrogKDK, stateOf(q, p), { step, steps: 1 });
    return of(final.q, final.p);
  });
  return (ahead! - behind!) / (2 * h);
}

describe('symmetries of a loss on the learning clock, T = |p|²/2', () => {
  const look = { random: random(1) };
  test('isometries (rotation, translation of logits) have conserved charges; scale and rescaling have none', () => {
    const bowl = particle(
      landscape('bowl', 2, (o, t) => o.exp(o.add(o.mul(t[0]!, t[0]!), o.mul(t[1]!, t[1]!)))),
    );
    expect(noetherCharge(bowl, (o, t) => [o.neg(t[1]!), t[0]!], look).symmetry).toBe(true);
    const logits = particle(landscape('logits', 3, shifted));
    expect(noetherCharge(logits, (o) => [o.constant(1), o.constant(1), o.constant(1)], look).symmetry).toBe(
      true,
    );
    const layers = particle(landscape('layers', 4, rescaled));
    expect(noetherCharge(layers, (o, t) => [t[0]!, t[1]!, o.neg(t[2]!), o.neg(t[3]!)], look).symmetry).toBe(
      false,
    );
    const directions = particle(landscape('directions', 3, scaleFree));
    expect(noetherCharge(directions, (_o, t) => [t[0]!, t[1]!, t[2]!], look).symmetry).toBe(false);
  });
  test('scale: d(q·p)/dt = 2T', () => {
    const [q, p] = [
      [0.4, -0.9, 0.5],
      [0.3, 0.2, -0.8],
    ];
    expect(rateAlong(landscape('directions', 3, scaleFree), q, p, dot)).toBeCloseTo(dot(p, p), 7);
  });
  test('rescaling: d(q_in·p_in − q_out·p_out)/dt = 2(T_in − T_out)', () => {
    const [q, p] = [
      [0.4, -0.9, 0.5, 1.1],
      [0.3, 0.2, -0.8, 0.1],
    ];
    const charge = (x: Float64Array, y: Float64Array) =>
      dot(x.slice(0, 2), y.slice(0, 2)) - dot(x.slice(2), y.slice(2));
    const expected = dot(p.slice(0, 2), p.slice(0, 2)) - dot(p.slice(2), p.slice(2));
    expect(rateAlong(landscape('layers', 4, rescaled), q, p, charge)).toBeCloseTo(expected, 7);
  });
});

describe('gradient flow conserves what gradient descent breaks by its step (Kunin et al. 2021)', () => {
  /** |θ_in|² − |θ_out|² for each rescaled pair; |θ|² for scale; Σθ for translation. */
  const cases = [
    ['rescaling', rescaled, [0.4, -0.9, 0.5, 1.1], (t: Float64Array) => t[0]! ** 2 - t[2]! ** 2],
    ['scale', scaleFree, [0.4, -0.9, 0.5], (t: Float64Array) => dot(t, t)],
  ] as const;
  test.each(cases)(
    '%s: by order η² in one step, by order η over a fixed time',
    (_, formula, start, conserved) => {
      const V = landscape('loss', start.length, formula);
      const change = (learningRate: number, steps: number) => {
        const parameters = Float64Array.from(start);
        const gradient = new Float64Array(start.length);
        const optimiser = sgd({ learningRate });
        for (let n = 0; n < steps; n++) optimiser.update(parameters, gradient, V.at(parameters, gradient));
        return Math.abs(conserved(parameters) - conserved(Float64Array.from(start)));
      };
      expect(Math.log2(change(2e-3, 1) / change(1e-3, 1))).toBeCloseTo(2, 2);
      expect(Math.log2(change(2e-3, 250) / change(1e-3, 500))).toBeCloseTo(1, 1);
    },
  );
  test('weight decay λ shrinks the rescaling charge by e^(−2λt)', () => {
    const decay = 0.3;
    const withDecay: Formula = (o, t) => {
      let squares = o.mul(t[0]!, t[0]!);
      for (const i of [1, 2, 3]) squares = o.add(squares, o.mul(t[i]!, t[i]!));
      return o.add(rescaled(o, t), o.mul(decay / 2, squares));
    };
    const V = landscape('decayed', 4, withDecay);
    const parameters = Float64Array.of(0.4, -0.9, 0.5, 1.1);
    const gradient = new Float64Array(4);
    const optimiser = sgd({ learningRate: 1e-4 });
    const before = parameters[0]! ** 2 - parameters[2]! ** 2;
    for (let n = 0; n < 10_000; n++) optimiser.update(parameters, gradient, V.at(parameters, gradient));
    const after = parameters[0]! ** 2 - parameters[2]! ** 2;
    expect(after / before).toBeCloseTo(Math.exp(-2 * decay), 3);
  });
  test('translation is conserved to rounding: the gradient has no part along it', () => {
    const V = landscape('logits', 3, shifted);
    const parameters = Float64Array.of(0.3, -0.5, 1.2);
    const gradient = new Float64Array(3);
    const optimiser = sgd({ learningRate: 0.1 });
    for (let n = 0; n < 100; n++) optimiser.update(parameters, gradient, V.at(parameters, gradient));
    expect(parameters[0]! + parameters[1]! + parameters[2]!).toBeCloseTo(1, 13);
  });
});

test('without friction the optimiser is the integrator: H = T + V with V = loss, equal to leapfrog to rounding', () => {
  const V = landscape('layers', 4, rescaled);
  const start = [0.4, -0.9, 0.5, 1.1];
  const parameters = Float64Array.from(start);
  const gradient = new Float64Array(4);
  const optimiser = conformalLeapfrog({ step: 0.05, friction: 0 });
  const energies: number[] = [];
  for (let n = 0; n < 100; n++) {
    optimiser.update(parameters, gradient, V.at(parameters, gradient));
    energies.push(optimiser.figures().energy!);
  }
  const run = integrate(particle(V), leapfrogKDK, stateOf(start, [0, 0, 0, 0]), { step: 0.05, steps: 100 });
  for (const i of [0, 1, 2, 3]) expect(parameters[i]).toBeCloseTo(run.final.q[i]!, 12);
  for (const n of [0, 50, 99]) expect(energies[n]).toBeCloseTo(run.energies[n]!, 12);
  expect(rescaled(real, start)).toBeCloseTo(energies[0]!, 14);
});
