/** @file Self-check of edits: what LEACE leaves of a concept. */
import { fitProbe } from '../activations/probe.ts';
import { type Check, checkRow } from '../core/check.ts';
import { random } from '../core/random.ts';
import { erase } from './erasure/eraser.ts';
import { leace } from './erasure/leace.ts';
import { largestCorrelation } from './erasure/moments.ts';

const area = 'edits';

export const checks: Check[] = [
  {
    area,
    async rows() {
      const chance = random(21);
      const [rows, width] = [600, 24];
      const labels = Float64Array.from({ length: rows }, () => (chance.uniform() < 0.5 ? 1 : 0));
      const x_ND = Float64Array.from(
        { length: rows * width },
        (_, i) => chance.normal() + (i % width < 4 ? 1.5 * labels[Math.floor(i / width)]! : 0),
      );
      const source = { x_ND, width, z_NZ: labels, concepts: 1 };
      const erased = erase(leace(source), x_ND);
      const p = labels.reduce((sum, label) => sum + label, 0) / rows;
      const constant = -p * Math.log(p) - (1 - p) * Math.log(1 - p);
      const gained = constant - fitProbe(erased, labels, width, 0).loss;
      return [
        checkRow(
          area,
          'LEACE: largest correlation with the concept',
          largestCorrelation({ ...source, x_ND: erased }),
          1e-10,
        ),
        checkRow(area, 'LEACE: nats that a linear probe gains over the constant', gained, 1e-10),
      ];
    },
  },
];
