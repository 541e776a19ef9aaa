/** @file Figures that others published for SHIFT, to stand beside ours. Other data, model and probe: not the same experiment. */
import type { PublishedRow } from '../../edits/bias/types.ts';

const source =
  'Marks et al. 2024 (arXiv:2403.19647), table 2: Pythia-70M, Bias in Bios, professor and nurse, one run';

const row = (
  method: string,
  fieldAccuracy: number,
  genderAccuracy: number,
  worstGroup: number,
): PublishedRow => ({
  method,
  fieldAccuracy: fieldAccuracy / 100,
  genderAccuracy: genderAccuracy / 100,
  worstGroup: worstGroup / 100,
  source,
});

export const published: readonly PublishedRow[] = [
  row('original', 61.9, 87.4, 24.4),
  row('concept bottleneck', 83.3, 60.1, 67.7),
  row('random features', 61.8, 87.5, 24.4),
  row('SHIFT', 88.5, 54.0, 76.0),
  row('SHIFT, retrained', 93.1, 52.0, 89.0),
  row('neuron skyline', 75.5, 73.2, 41.5),
  row('feature skyline', 88.5, 54.3, 62.9),
  row('oracle', 93.0, 49.4, 91.9),
];
