/** @file Poisson brackets of observables of one cut, by autodiff: {a, b} = Σ ∂a/∂x ∂b/∂λ − ∂a/∂λ ∂b/∂x, itself an observable. */
import { jvp } from '../../autodiff/jvp.ts';
import { vjp } from '../../autodiff/vjp.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { EnergyError } from '../../core/errors.ts';
import type { Tensor } from '../../core/tensor.ts';
import { extend, only } from '../../graph/interventions.ts';
import { merged, renamed } from '../../graph/merge.ts';
import { isCarried } from '../../graph/types.ts';
import { apart, COSTATE, type Observable, outputOf, product, STATE, sidesOf } from './observables.ts';

/** Name of a bracket's number. */
const BRACKET = 'bracket';

/**
 * {a, b} is the rate at which b changes along the flow of −a: ẋ = −∂a/∂λ, λ̇ = ∂a/∂x. So it is one gradient of a (vjp) fed
 * into one tangent of b (jvp), two programs that share no code beyond the operators' rules; the result is an observable
 * again, and can stand in another bracket.
 * @throws EnergyError `energy.not-an-observable`; GraphError as vjp and jvp
 */
export function poissonBracket(a: Observable, b: Observable): Observable {
  const [of, into] = [outputOf(a), outputOf(b)];
  const [has, moves] = [sidesOf(a), sidesOf(b)];
  // Which tangent of b each gradient of a drives.
  const pairs = (
    [
      [COSTATE, STATE, 'Neg'],
      [STATE, COSTATE, 'Identity'],
    ] as const
  ).filter(([from, to]) => has.has(from) && moves.has(to));
  if (pairs.length === 0) return nothing(a, b);
  const wrt = pairs.map(([from]) => from);
  const gradient = extend(
    only(
      vjp(a, { of, wrt }),
      wrt.map((side) => `grad:${side}`),
    ),
    (builder) => pairs.map(([from, to, op]) => builder.op(op, [`grad:${from}`], {}, `drive:${to}`)),
  );
  const driven = pairs.map(([, to]) => to);
  const tangent = only(jvp(b, { of: [into], wrt: driven }), [`tangent:${into}`]);
  // Both go on under names of their own: brackets nest.
  const drives = new Map(driven.map((to) => [`tangent:${to}`, `a/drive:${to}`]));
  const whole = merged([apart(gradient, 'a/'), renamed(apart(tangent, 'b/'), drives)]);
  const named = extend(whole, (builder) => [builder.op('Identity', [`b/tangent:${into}`], {}, BRACKET)]);
  return only(named, [BRACKET]);
}

/** 0, an example each, of observables that have no pair of conjugate variables between them. */
function nothing(a: Observable, b: Observable): Observable {
  const [left, right] = [apart(a, 'a/'), apart(b, 'b/')];
  const zero = extend(merged([left, right]), (builder) => {
    const sum = builder.op('Add', [outputOf(left), outputOf(right)]);
    return [builder.op('Sub', [sum, sum], {}, BRACKET)];
  });
  return only(zero, [BRACKET]);
}

/** A point of phase space of one cut: state and costate [B, T, D], and what else observables read (tokens). */
export interface PhasePoint {
  readonly state: Tensor;
  readonly costate: Tensor;
  readonly others?: Readonly<Record<string, Tensor>>;
}

/**
 * Values of observables at a point, example by example.
 * @throws EnergyError `energy.unfed` when one reads an input that the point does not have
 */
export async function evaluate(
  observables: readonly Observable[],
  { state, costate, others = {} }: PhasePoint,
  run: Pick<RunOptions, 'open'>,
): Promise<Float64Array[]> {
  const feeds: Record<string, Tensor> = { ...others, [STATE]: state, [COSTATE]: costate };
  const all: Float64Array[] = [];
  for (const graph of observables) {
    const name = outputOf(graph);
    const own = graph.inputs.flatMap((input): [string, Tensor][] => {
      const fed = feeds[input.name];
      if (fed) return [[input.name, fed]];
      throw new EnergyError(
        'energy.unfed',
        `an observable reads "${input.name}", which the point does not give`,
        {
          where: isCarried(input) ? input.name : `${input.name} [${input.shape.join(', ')}]`,
          hint: "give it among the point's other inputs, e.g. the tokens of a network that reads them",
        },
      );
    });
    const session = await run.open(graph);
    try {
      const out = await session.run(Object.fromEntries(own));
      all.push(Float64Array.from(out[name]!.data as Float32Array));
    } finally {
      await session.release();
    }
  }
  return all;
}

/** Residuals of the laws of a Poisson bracket, each relative to the size of its terms; the worst example. */
export interface ObservableLaws {
  /** {a, b} + {b, a} */
  readonly antisymmetry: number;
  /** {ab, c} − a{b, c} − {a, c}b */
  readonly leibniz: number;
  /** {a, {b, c}} + {b, {c, a}} + {c, {a, b}} */
  readonly jacobi: number;
}

/** Tests the laws for three observables at a point. */
export async function observableLaws(
  [a, b, c]: readonly [Observable, Observable, Observable],
  point: PhasePoint,
  run: Pick<RunOptions, 'open'>,
): Promise<ObservableLaws> {
  const [ab, bc, ca] = [poissonBracket(a, b), poissonBracket(b, c), poissonBracket(c, a)];
  const values = await evaluate(
    [
      ...[ab, poissonBracket(b, a)],
      ...[poissonBracket(product(a, b), c), a, b, bc, poissonBracket(a, c)],
      ...[poissonBracket(a, bc), poissonBracket(b, ca), poissonBracket(c, ab)],
    ],
    point,
    run,
  );
  const [x, y, abc, va, vb, vbc, vac, ...cyclic] = values as [Float64Array, Float64Array, ...Float64Array[]];
  const worst = (...terms: Float64Array[]) => {
    let most = 0;
    for (let i = 0; i < terms[0]!.length; i++) {
      const size = terms.reduce((sum, term) => sum + Math.abs(term[i]!), 0);
      const total = terms.reduce((sum, term) => sum + term[i]!, 0);
      if (size > 0) most = Math.max(most, Math.abs(total) / size);
    }
    return most;
  };
  return {
    antisymmetry: worst(x, y),
    leibniz: worst(
      abc!,
      va!.map((v, i) => -v * vbc![i]!),
      vac!.map((v, i) => -v * vb![i]!),
    ),
    jacobi: worst(...cyclic),
  };
}
