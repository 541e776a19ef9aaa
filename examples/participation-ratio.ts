/**
 * @file A concept of one's own: over how many coordinates is the energy of a cut spread?
 * `concepts: [./participation-ratio.ts]` in a study; see "Your own concept" in docs/energy.md.
 */
import type { Observable } from 'untangle/concept';

/** (Σ|e|)² / Σ e² of the energies e_i = λ_i (x_i − x_i′) of one example: 1 to the number of coordinates. */
function participation(costate: ArrayLike<number>, clean: ArrayLike<number>, patch: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < costate.length; i++) {
    const energy = Math.abs(costate[i]! * (clean[i]! - patch[i]!));
    sum += energy;
    squares += energy * energy;
  }
  return squares > 0 ? (sum * sum) / squares : 0;
}

const participationRatio: Observable = {
  kind: 'observable',
  name: 'participation ratio of energy',
  meaning: 'over how many coordinates of the stream the energy of a cut is spread, mean over examples',
  unit: 'coordinates',
  over: 'depth',
  measure: ({ cuts, examples }) =>
    cuts.map(({ costate_BTD, clean_BTD, patch_BTD }) => {
      const size = clean_BTD.length / examples;
      let sum = 0;
      for (let b = 0; b < examples; b++) {
        const part = (values: Float32Array) => values.subarray(b * size, (b + 1) * size);
        sum += participation(part(costate_BTD), part(clean_BTD), part(patch_BTD));
      }
      return sum / examples;
    }),
};

export default participationRatio;
