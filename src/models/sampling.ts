/** @file Which token comes next: the likeliest, or one drawn from a distribution that temperature, top-k and top-p shape. */
import type { Random } from '../core/random.ts';

export interface Sampling {
  /** Logits are divided by it; 0 takes the likeliest token. */
  readonly temperature: number;
  /** Only this many of the likeliest tokens. */
  readonly topK?: number;
  /** Only the fewest likeliest tokens that hold this probability together (Holtzman et al. 2019, arXiv:1904.09751). */
  readonly topP?: number;
}

/** The likeliest token, always. */
export const greedy: Sampling = { temperature: 0 };

/**
 * A token id from `logits`. Temperature, top-k and top-p act in this order, as in transformers; of equal logits the
 * lower id comes first. The token that crosses top-p is kept, so that one always is.
 */
export function sample(
  logits: Float32Array | Float64Array,
  { temperature, topK, topP }: Sampling,
  random: Random,
): number {
  if (temperature === 0 || topK === 1) return likeliestOf(logits);
  const order = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const kept = order.slice(0, topK ?? order.length);
  const top = logits[kept[0]!]!;
  const weights = kept.map((id) => Math.exp((logits[id]! - top) / temperature));
  const all = weights.reduce((a, b) => a + b, 0);
  let count = 0;
  for (let held = 0; count < kept.length && (count === 0 || held < (topP ?? 1) * all); count++)
    held += weights[count]!;
  const mass = weights.slice(0, count).reduce((a, b) => a + b, 0);
  let left = random.uniform() * mass;
  for (let i = 0; i < count; i++) {
    left -= weights[i]!;
    if (left < 0) return kept[i]!;
  }
  return kept[count - 1]!;
}

function likeliestOf(logits: Float32Array | Float64Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}
