/** @file How an observable changes along a block's flow, x + s g(x), λ − s g′(x)ᵀλ: the other side of d/ds A = {A, h}. */
import { jvp } from '../../autodiff/jvp.ts';
import { vjp } from '../../autodiff/vjp.ts';
import type { Network } from '../../circuits/cuts.ts';
import { floats } from '../../circuits/floats.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Tensor } from '../../core/tensor.ts';
import { only } from '../../graph/interventions.ts';
import { runOnce } from '../run-once.ts';
import { evaluate, type PhasePoint } from './brackets.ts';
import { blockWrite, COSTATE, type Observable, outputOf, STATE, sidesOf } from './observables.ts';

/**
 * d/ds A(x + s g, λ − s g′ᵀλ) at s = 0, example by example: g by a forward run of the block, g′ᵀλ by its vjp, then the
 * tangent of A along both. No bracket is formed.
 * @param step takes the difference (A(s) − A(−s)) / 2s in place of the tangent
 */
export async function flowRate(
  a: Observable,
  network: Network,
  block: number,
  point: PhasePoint,
  run: Pick<RunOptions, 'open'>,
  step?: number,
): Promise<Float64Array> {
  const { state, costate, others = {} } = point;
  const { graph, write } = blockWrite(network, block);
  const forward = await runOnce(graph, { ...others, [STATE]: state }, run);
  const pulled = await runOnce(
    only(vjp(graph, { of: write, wrt: [STATE], cotangent: 'input' }), [`grad:${STATE}`]),
    { ...others, [STATE]: state, [`cotangent:${write}`]: costate },
    run,
  );
  const [g, back] = [forward[write]!, pulled[`grad:${STATE}`]!];
  if (step !== undefined) {
    const moved = (s: number): PhasePoint => ({
      ...point,
      state: sum(state, g, s),
      costate: sum(costate, back, -s),
    });
    const [up] = await evaluate([a], moved(step), run);
    const [down] = await evaluate([a], moved(-step), run);
    return up!.map((value, b) => (value - down![b]!) / (2 * step));
  }
  const wrt = [...sidesOf(a)];
  const of = outputOf(a);
  const out = await runOnce(
    only(jvp(a, { of: [of], wrt }), [`tangent:${of}`]),
    {
      ...others,
      ...{ [STATE]: state, [COSTATE]: costate },
      ...{ [`tangent:${STATE}`]: g, [`tangent:${COSTATE}`]: sum(back, back, -2) },
    },
    run,
  );
  return Float64Array.from(out[`tangent:${of}`]!.data as Float32Array);
}

/** x + factor · y. */
const sum = (x: Tensor, y: Tensor, factor: number): Tensor =>
  floats(
    x.dtype,
    x.shape,
    Float64Array.from(x.data as Float64Array, (v, i) => v + factor * (y.data[i] as number)),
  );
