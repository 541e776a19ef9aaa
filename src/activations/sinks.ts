/**
 * @file Attention sinks: positions whose activations are far longer than all others. They carry no meaning of their
 * token (Xiao et al. 2024, arXiv 2309.17453; Sun et al. 2024, "Massive Activations", arXiv 2402.17762), and a score
 * that includes them measures nothing else. The rule here: the first position of every window, and positions with
 * a norm above `ratio` times the median, at most a share `share` of all.
 */

export interface SinkRule {
  /** A norm above this many medians is a sink's. */
  readonly ratio: number;
  /** Of the positions beside the first, at most this share is left out. */
  readonly share: number;
}

/** 7 medians: in SmolLM2 sinks lie above 100 medians, everything else below 5. */
export const sinkRule: SinkRule = { ratio: 7, share: 0.001 };

/** Euclidean norm of every row of `rows_BD`. */
export function rowNorms(rows_BD: Float32Array, width: number): Float32Array<ArrayBuffer> {
  const norms = new Float32Array(rows_BD.length / width);
  for (let b = 0; b < norms.length; b++) {
    let square = 0;
    for (let i = b * width; i < (b + 1) * width; i++) square += rows_BD[i]! * rows_BD[i]!;
    norms[b] = Math.sqrt(square);
  }
  return norms;
}

/** The middle of the sorted norms (the upper middle of an even number of them); NaN for none. */
export const medianOf = (norms: Float32Array): number =>
  norms.length === 0 ? Number.NaN : norms.slice().sort()[norms.length >> 1]!;

/**
 * The norm above which a position passes for a sink, from the norms of positions beside the first:
 * ratio × median, or more where that would leave out more than the allowed share.
 */
export function sinkThreshold(norms: Float32Array, { ratio, share }: SinkRule): number {
  if (norms.length === 0) return Number.POSITIVE_INFINITY;
  const sorted = norms.slice().sort();
  const allowed = Math.min(norms.length - 1, Math.floor(share * norms.length));
  return Math.max(ratio * sorted[norms.length >> 1]!, sorted[norms.length - 1 - allowed]!);
}

/**
 * 1 for rows that features are learned from and spliced into, 0 for those that pass by: position 0 and norms
 * above `threshold`. `positions_B` is each row's position in its window.
 */
export function keepMask(
  rows_BD: Float32Array,
  width: number,
  positions_B: ArrayLike<number>,
  threshold: number,
): Uint8Array {
  return Uint8Array.from(rowNorms(rows_BD, width), (norm, b) =>
    positions_B[b] !== 0 && norm <= threshold ? 1 : 0,
  );
}
