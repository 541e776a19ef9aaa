/** @file Pentagons that Adam reaches on five in two, beside the base rates measured by an independent program. */

import { fiveInTwo } from '../../src/superposition/basins.ts';
import { polytopes } from '../../src/superposition/geometry.ts';
import { type ToyContext, trainToys } from '../../src/superposition/train.ts';

/** Learning rate → pentagons of 40 seeds. */
const measured: Readonly<Record<string, number>> = { 0.001: 23, 0.003: 25, 0.01: 32, 0.03: 37 };

/** 95 % interval of a share k of n (Wilson 1927). */
function wilson(k: number, n: number): [number, number] {
  const z = 1.959964;
  const middle = (k + z ** 2 / 2) / (n + z ** 2);
  const half = (z / (n + z ** 2)) * Math.sqrt((k * (n - k)) / n + z ** 2 / 4);
  return [middle - half, middle + half];
}

/** Share of seeds that end as a pentagon, and the interval of the base rate, for each learning rate. */
export async function basinShares(rates: readonly number[], seeds: number, context: ToyContext) {
  const trained = await trainToys(
    rates.flatMap((learningRate) =>
      Array.from({ length: seeds }, (_, seed) => ({ task: fiveInTwo, seed, learningRate })),
    ),
    { steps: 5000, batch: 512 },
    context,
  );
  return rates.map((rate, i) => {
    const these = trained.slice(i * seeds, (i + 1) * seeds);
    const pentagons = these.filter(({ weights }) =>
      polytopes(weights).some(({ name }) => name === 'pentagon'),
    );
    return { rate, share: pentagons.length / seeds, interval: wilson(measured[rate]!, 40) };
  });
}
