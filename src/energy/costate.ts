/** @file The invariant of the depth clock: ⟨λ_l, δx_l⟩ is the same at every complete cut (mechanics.md §2). */
import { jvp } from '../autodiff/jvp.ts';
import { vjp } from '../autodiff/vjp.ts';
import type { Network } from '../circuits/cuts.ts';
import { METRIC, metricGraph } from '../circuits/metric.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import type { Tensor } from '../core/tensor.ts';
import { feedAt, only } from '../graph/interventions.ts';
import { runOnce } from './run-once.ts';

/** A start at the embedding and a direction there, [B, T, D] each (float32 or float64, as the network). */
export interface TangentStart {
  readonly state: Tensor;
  readonly tangent: Tensor;
  /** What else the network may read on its way: answers, and tokens where masks are made of them. */
  readonly others: Readonly<Record<string, Tensor>>;
}

/** By cut and example: Σ_i λ_i δx_i, and Σ_i |λ_i δx_i| as its scale. */
export interface CutProducts {
  readonly value_B: Float64Array;
  readonly scale_B: Float64Array;
}

/**
 * Carries the costate backward from the metric (vjp) and the tangent forward from the embedding (jvp) and multiplies
 * them at every cut.
 */
export async function costateProducts(
  network: Network,
  start: TangentStart,
  options: RunOptions,
): Promise<CutProducts[]> {
  const [first] = network.cuts as [string];
  const fed = feedAt(metricGraph(network), [first]);
  const gradients = network.cuts.map((cut) => `grad:${cut}`);
  const backward = only(vjp(fed, { of: METRIC, wrt: [...network.cuts] }), gradients);
  const costates = await runOnce(backward, { ...start.others, [first]: start.state }, options);

  const later = network.cuts.slice(1);
  const tangents = later.map((cut) => `tangent:${cut}`);
  const stream = only(feedAt(network.graph, [first]), later);
  const forward = only(jvp(stream, { of: later, wrt: [first] }), tangents);
  const moved = await runOnce(
    forward,
    { ...start.others, [first]: start.state, [`tangent:${first}`]: start.tangent },
    options,
  );
  return network.cuts.map((cut, l) => {
    const tangent = l === 0 ? start.tangent : moved[`tangent:${cut}`]!;
    return productsOf(costates[`grad:${cut}`]!, tangent);
  });
}

function productsOf(costate: Tensor, tangent: Tensor): CutProducts {
  const examples = costate.shape[0]!;
  const size = costate.data.length / examples;
  const value_B = new Float64Array(examples);
  const scale_B = new Float64Array(examples);
  for (let b = 0; b < examples; b++) {
    for (let i = b * size; i < (b + 1) * size; i++) {
      const product = Number(costate.data[i]) * Number(tangent.data[i]);
      value_B[b]! += product;
      scale_B[b]! += Math.abs(product);
    }
  }
  return { value_B, scale_B };
}

/** (max − min over cuts) / max over cuts of Σ|λ_i δx_i|; the worst example (mechanics.md §2). */
export function spread(products: readonly CutProducts[]): number {
  const examples = products[0]?.value_B.length ?? 0;
  let worst = 0;
  for (let b = 0; b < examples; b++) {
    const values = products.map((p) => p.value_B[b]!);
    const scale = Math.max(...products.map((p) => p.scale_B[b]!));
    if (scale > 0) worst = Math.max(worst, (Math.max(...values) - Math.min(...values)) / scale);
  }
  return worst;
}

/** (max − min over cuts) / max |value| of the mean over examples: only for tangents that change the metric. */
export function relativeSpread(products: readonly CutProducts[]): number {
  const means = meanProducts(products);
  return (Math.max(...means) - Math.min(...means)) / Math.max(...means.map(Math.abs));
}

/** Mean over examples of ⟨λ_l, δx_l⟩, by cut. */
export const meanProducts = (products: readonly CutProducts[]): number[] =>
  products.map(({ value_B }) => value_B.reduce((sum, v) => sum + v, 0) / value_B.length);
