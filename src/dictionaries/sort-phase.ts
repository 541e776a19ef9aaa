/** @file The middle of a training step: entries sorted by feature, so that each feature's gradient is one pass over its own. */
import { ENTRY_COST } from './frequent.ts';
import { AUX_EVERY, CONTROL } from './layout.ts';
import { reviveScale } from './row-phase.ts';
import type { Views } from './views.ts';

/**
 * Sorts this worker's share of the features, by entries, of the rows from … to − 1; every worker computes the same bounds.
 * Adds up what entries carry for parameters of their kind, and counts how often features were active.
 */
export function sortEntries(v: Views, from: number, to: number, dead: number, firstSlice: boolean): void {
  const { id, at, shape, kernels, counts, auxCounts, control } = v;
  const { features: F, threads } = shape;
  const [auxFrom, auxTo] = [Math.ceil(from / AUX_EVERY), Math.ceil(to / AUX_EVERY)];
  let entries = 0;
  for (let b = from; b < to; b++) entries += counts[b]!;
  if (dead > 0) for (let a = auxFrom; a < auxTo; a++) entries += auxCounts[a]!;
  let low = F;
  let high = F;
  let sum = 0;
  let active = 0;
  for (let f = 0; f < F; f++) {
    // Owner of the feature: the worker in whose share of the entries its first one lies.
    const owner = entries === 0 ? 0 : Math.min(threads - 1, Math.floor((sum * threads) / entries));
    if (owner === id && low === F) low = f;
    if (owner > id) {
      high = f;
      break;
    }
    let fired = 0;
    let idle = 0;
    for (let t = 0; t < threads; t++) {
      fired += v.histograms[t * F + f]!;
      idle += v.idleHistograms[t * F + f]!;
    }
    if (owner === id) {
      v.next[f] = sum;
      if (shape.bands) {
        v.nextBanded[f] = sum + fired;
        v.banded[f] = idle;
      }
      v.total[f] = fired + idle;
      v.fired[f] = firstSlice ? fired : v.fired[f]! + fired;
      if (shape.frequent) v.work[f] = ENTRY_COST * fired + idle + (firstSlice ? 0 : v.work[f]!);
      active += fired;
    }
    sum += fired + idle;
  }
  low = Math.min(low, high);
  Atomics.add(control, CONTROL.active, active);
  kernels.sortEntries(
    ...[
      at.starts,
      at.indices,
      at.values,
      at.slopes,
      at.counts,
      at.next,
      shape.bands ? at.nextBanded : 0,
      at.sorted,
      from,
      to,
      low,
      high,
      0,
      1,
    ],
  );
  if (dead > 0) {
    kernels.sortEntries(
      ...[at.auxStarts, at.auxIndices, at.auxValues, at.auxSlopes, at.auxCounts, at.next, 0, at.sorted],
      ...[auxFrom, auxTo, low, high, shape.batch, reviveScale(v) / v.gradientScale],
    );
  }
  at.extras.forEach((extra, i) => {
    if (firstSlice) v.sums[i]!.fill(0, low, high);
    kernels.sumExtras(at.starts, at.indices, v.activeAt, extra, at.sums[i]!, from, to, low, high);
  });
  // JumpReLU's second sum counts entries near the threshold; those below it are all near.
  if (shape.bands) for (let f = low; f < high; f++) v.sums[1]![f]! += v.banded[f]!;
}
