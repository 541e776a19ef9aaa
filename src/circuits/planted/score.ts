/** @file How well scores find what is planted: area under the ROC curve. */

/**
 * The chance that something planted scores higher than something that is not, ties counting half (Mann and Whitney 1947;
 * Hanley & McNeil 1982). NaN when either kind is missing.
 */
export function auroc(scores: readonly number[], planted: readonly boolean[]): number {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let rankSum = 0;
  let positives = 0;
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) to++;
    // Equal scores share the mean of their ranks, which count from 1.
    const rank = (from + 1 + to) / 2;
    for (let i = from; i < to; i++) {
      if (!planted[order[i]!]) continue;
      rankSum += rank;
      positives++;
    }
    from = to;
  }
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) return Number.NaN;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
