/** @file Neurons as they are: the identity dictionary. */
import type { Kind } from './kind.ts';

export const neurons: Kind = {
  label: 'Neurons',
  source: 'the baseline of every method',
  activations: ['identity'],
};
