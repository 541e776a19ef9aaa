import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { boundaryDistance, phaseDiagram } from '../../src/superposition/phases.ts';
import { basinShares } from '../superposition/base-rates.ts';

const context = { threads: 2, progress: silent };

describe('toy models, long', () => {
  test('200 seeds reach the pentagon as often as the base rates say, at four learning rates', async () => {
    const shares = await basinShares([0.001, 0.003, 0.01, 0.03], 200, context);
    console.log(shares.map(({ rate, share, interval }) => `${rate}: ${share} in ${interval}`).join('\n'));
    for (const { share, interval } of shares) {
      expect(share).toBeGreaterThanOrEqual(interval[0]);
      expect(share).toBeLessThanOrEqual(interval[1]);
    }
  });

  test('the two-in-one boundary on a grid of 20 by 20 is that of the closed form within one step', async () => {
    const diagram = await phaseDiagram({ features: 2, neurons: 1, points: 20, seeds: 8 }, context);
    const distance = boundaryDistance(diagram);
    console.log(`distance ${distance}`);
    expect(distance).toBeLessThanOrEqual(1);
  });
});
