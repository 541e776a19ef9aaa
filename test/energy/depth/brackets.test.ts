/** @file Poisson brackets of one cut: canonical coordinates, the laws, and the flow of a block, in float32 and float64. */
import { describe, expect, test } from 'vitest';
import { networkOf } from '../../../src/circuits/cuts.ts';
import { random } from '../../../src/core/random.ts';
import { f32, f64, i64, type Tensor } from '../../../src/core/tensor.ts';
import {
  evaluate,
  observableLaws,
  type PhasePoint,
  poissonBracket,
} from '../../../src/energy/depth/brackets.ts';
import { flowRate } from '../../../src/energy/depth/flow-rate.ts';
import {
  along,
  blockHamiltonian,
  COSTATE,
  metricObservable,
  type Observable,
  type ObservableShape,
  observable,
  observableShape,
  outputOf,
  STATE,
} from '../../../src/energy/depth/observables.ts';
import { poissonBracket as formulaBracket } from '../../../src/mechanics/diagnostics/brackets.ts';
import { type PairFormula, real } from '../../../src/mechanics/differentiate.ts';
import { tinyLlama } from '../../../src/models/tiny.ts';
import { run } from '../../circuits/support/tiny.ts';

const positions = 3;
const bars = { float32: 1e-4, float64: 1e-10 } as const;

function setting(dtype: 'float32' | 'float64', seed = 3) {
  const network = networkOf(tinyLlama(seed, { layers: 3, dtype }));
  const site = network.cuts[1]!;
  const shape = observableShape(network, site);
  const stream = random(seed);
  const make = dtype === 'float32' ? f32 : f64;
  const noise = (): Tensor =>
    make(
      [2, positions, network.width],
      Array.from({ length: 2 * positions * network.width }, () => stream.normal()),
    );
  const point: PhasePoint = {
    state: noise(),
    costate: noise(),
    others: { answer: i64([2], [3, 9]), wrong: i64([2], [4, 1]) },
  };
  const unit = (i: number) => Float64Array.from({ length: network.width }, (_, d) => Number(d === i));
  const direction = () => Float64Array.from({ length: network.width }, () => stream.normal());
  const x = (position: number, u: ArrayLike<number>) => along(shape, STATE, position, u);
  const p = (position: number, u: ArrayLike<number>) => along(shape, COSTATE, position, u);
  return { network, site, shape, point, unit, direction, x, p };
}

describe.each(['float32', 'float64'] as const)('in %s', (dtype) => {
  const bar = bars[dtype];

  test('{x_i, λ_j} = δ_ij, and {x, x} = {λ, λ} = 0', async () => {
    const { point, unit, x, p } = setting(dtype);
    const pairs = [
      [x(1, unit(2)), p(1, unit(2)), 1],
      [x(1, unit(2)), p(1, unit(3)), 0],
      [x(1, unit(2)), p(2, unit(2)), 0],
      [p(0, unit(5)), x(0, unit(5)), -1],
      [x(0, unit(1)), x(0, unit(2)), 0],
      [p(0, unit(1)), p(0, unit(1)), 0],
    ] as const;
    const found = await evaluate(
      pairs.map(([a, b]) => poissonBracket(a, b)),
      point,
      run,
    );
    found.forEach((values, k) => {
      for (const value of values) expect(value).toBeCloseTo(pairs[k]![2], 6);
    });
  });

  test('of any two directions is their product: {x·u, λ·v} = u·v', async () => {
    const { point, direction, x, p } = setting(dtype);
    const [u, v] = [direction(), direction()];
    const [found] = await evaluate([poissonBracket(x(1, u), p(1, v))], point, run);
    const dot = u.reduce((sum, value, d) => sum + value * v[d]!, 0);
    for (const value of found!) expect(Math.abs(value / dot - 1)).toBeLessThan(bar);
  });

  test('antisymmetry, Leibniz and Jacobi hold for a block, the metric and a product', async () => {
    const { network, site, point, direction, x, p } = setting(dtype);
    const block = blockHamiltonian(network, 1);
    const metric = metricObservable(network, site);
    for (const three of [
      [block, metric, p(2, direction())],
      [block, x(1, direction()), p(0, direction())],
    ] as [Observable, Observable, Observable][]) {
      const laws = await observableLaws(three, point, run);
      expect(laws.antisymmetry).toBeLessThan(bar);
      expect(laws.leibniz).toBeLessThan(bar);
      expect(laws.jacobi).toBeLessThan(bar);
    }
  });

  test('the brackets that the laws speak of are not 0', async () => {
    const { network, site, point, direction, p } = setting(dtype);
    const [block, metric, momentum] = [
      blockHamiltonian(network, 1),
      metricObservable(network, site),
      p(2, direction()),
    ];
    const inner = poissonBracket(metric, momentum);
    const values = await evaluate(
      [poissonBracket(block, metric), inner, poissonBracket(block, inner)],
      point,
      run,
    );
    for (const value of values) for (const v of value) expect(Math.abs(v)).toBeGreaterThan(1e-3);
  });

  test('d/ds A(x + s g, λ − s g′ᵀλ) at 0 is {A, h} for one block', async () => {
    const { network, site, point, direction, x, p } = setting(dtype);
    const h = blockHamiltonian(network, 1);
    for (const a of [
      x(1, direction()),
      p(0, direction()),
      metricObservable(network, site),
      blockHamiltonian(network, 2),
    ]) {
      const [bracket] = await evaluate([poissonBracket(a, h)], point, run);
      const rate = await flowRate(a, network, 1, point, run);
      rate.forEach((r, b) => {
        expect(Math.abs(r)).toBeGreaterThan(1e-3);
        expect(Math.abs(bracket![b]! - r) / Math.abs(r)).toBeLessThan(bar);
      });
    }
  });
});

test('the flow of a block agrees with small steps along it', async () => {
  const { network, site, point } = setting('float64');
  const a = metricObservable(network, site);
  const momentum = blockHamiltonian(network, 2);
  for (const observed of [a, momentum]) {
    const [bracket] = await evaluate([poissonBracket(observed, blockHamiltonian(network, 1))], point, run);
    const step = 1e-5;
    const there = await flowRate(observed, network, 1, point, run, step);
    there.forEach((r, b) => {
      expect(Math.abs(bracket![b]! - r) / Math.abs(r)).toBeLessThan(1e-6);
    });
  }
});

test('brackets of polynomials are those of the formulas of mechanics, nested too', async () => {
  // a = x₁²λ₂ + x₂, b = λ₁²x₂ − x₁λ₂, c = x₁x₂λ₁, at one position of width 2.
  const formulas: readonly [PairFormula, PairFormula, PairFormula] = [
    (o, q, p) => o.add(o.mul(o.mul(q[0]!, q[0]!), p[1]!), q[1]!),
    (o, q, p) => o.sub(o.mul(o.mul(p[0]!, p[0]!), q[1]!), o.mul(q[0]!, p[1]!)),
    (o, q, p) => o.mul(o.mul(q[0]!, q[1]!), p[0]!),
  ];
  const shape: ObservableShape = { width: 2, dtype: 'float64' };
  const terms = [['x1*x1*p2', 'x2'], ['p1*p1*x2', '-x1*p2'], ['x1*x2*p1']].map((sum) =>
    observable(shape, (b, state, costate) => {
      const part = (name: string) => {
        const index = b.constant(i64([], [Number(name[1]) - 1]), 'index');
        const row = b.op('Squeeze', [name[0] === 'x' ? state : costate, b.ints(1)]);
        return b.op('Gather', [row, index], { axis: { int: 1 } });
      };
      const term = (text: string) => {
        const found = text
          .replace('-', '')
          .split('*')
          .map(part)
          .reduce((x, y) => b.op('Mul', [x, y]));
        return text.startsWith('-') ? b.op('Neg', [found]) : found;
      };
      return sum.map(term).reduce((x, y) => b.op('Add', [x, y]));
    }),
  ) as [Observable, Observable, Observable];
  const q = [0.7, -1.3];
  const p = [0.4, 2.1];
  const point: PhasePoint = { state: f64([1, 1, 2], q), costate: f64([1, 1, 2], p) };
  const [a, b, c] = terms;
  const [fa, fb, fc] = formulas;
  const graphs = [
    ...[a, poissonBracket(a, b), poissonBracket(poissonBracket(a, b), c)],
    poissonBracket(c, poissonBracket(b, a)),
  ];
  const by = [
    ...[fa, formulaBracket(fa, fb), formulaBracket(formulaBracket(fa, fb), fc)],
    formulaBracket(fc, formulaBracket(fb, fa)),
  ];
  const found = await evaluate(graphs, point, run);
  for (const [k, values] of found.entries()) {
    expect(values[0]).toBeCloseTo(by[k]!(real, q, p), 10);
    expect(Math.abs(values[0]!)).toBeGreaterThan(1e-3);
  }
});

test('what is no observable, or is not fed, is said', async () => {
  const { network, shape, point } = setting('float32');
  const wide: Observable = { ...along(shape, STATE, 0, new Float64Array(16)), outputs: [STATE] };
  expect(() => outputOf(wide)).toThrow(expect.objectContaining({ code: 'energy.not-an-observable' }));
  const metric = metricObservable(network, network.cuts[1]!);
  await expect(evaluate([metric], { ...point, others: {} }, run)).rejects.toMatchObject({
    code: 'energy.unfed',
  });
  expect(() => blockHamiltonian(network, 3)).toThrow(expect.objectContaining({ code: 'energy.no-block' }));
});
