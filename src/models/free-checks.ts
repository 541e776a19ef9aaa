/** @file What must hold of networks known by their graph alone: derivatives by cuts, and landmarks. */
import { vjp } from '../autodiff/vjp.ts';
import { i64 } from '../core/tensor.ts';
import { extend, only } from '../graph/interventions.ts';
import { landmarks } from '../graph/landmarks.ts';
import { runOnce } from '../runtime/session.ts';
import { gradientsByCuts } from './by-cuts.ts';
import { tinyLlama } from './tiny.ts';

/** Largest difference, over the largest gradient at its cut, between gradients by cuts and of the whole graph. */
export async function cutsError(threads: number): Promise<number> {
  const tokens = i64([1, 6], [7, 60, 3, 200, 9, 1]);
  const graph = extend(tinyLlama(5, { layers: 3, dtype: 'float64' }).graph, (b) => [
    b.op('ReduceSumSquare', ['logits'], { keepdims: { int: 0 } }, 'metric'),
  ]);
  const cuts = landmarks(only(graph, ['logits'])).stream;
  const { gradients } = await gradientsByCuts(graph, { tokens }, { of: 'metric', cuts, threads });
  const names = cuts.map((cut) => `grad:${cut}`);
  const whole = await runOnce(only(vjp(graph, { of: 'metric', wrt: cuts }), names), { tokens }, { threads });
  let worst = 0;
  for (const cut of cuts) {
    const [a, b] = [gradients[cut]!.data as Float64Array, whole[`grad:${cut}`]!.data as Float64Array];
    const largest = b.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    worst = Math.max(worst, a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0) / largest);
  }
  return worst;
}

/** States of a tiny Llama's residual stream that landmarks() does not find, or calls so wrongly. */
export function lostLandmarks(): number {
  const layers = 2;
  const { stream } = landmarks(tinyLlama(1, { layers }).graph);
  const wanted = Array.from({ length: layers }, (_, i) => [
    `blocks.${i}.hook_resid_mid`,
    `blocks.${i}.hook_resid_post`,
  ]).flat();
  return (
    wanted.filter((name) => !stream.includes(name)).length +
    stream.filter((name) => !wanted.includes(name)).length
  );
}
