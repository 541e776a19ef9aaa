/** @file Rows without an edit: the classifier as it is, and one trained on balanced data. */
import type { BiasMethodRow } from './types.ts';

const NONE = [{ strength: 0, edit: { kind: 'none' } }] as const;

export const original: BiasMethodRow = {
  method: 'original',
  title: 'original',
  sees: 'the confounded rows',
  skyline: false,
  dictionary: false,
  strengthUnit: 'none',
  make: () => ({ steps: NONE, classifier: 'given' }),
};

export const oracle: BiasMethodRow = {
  method: 'oracle',
  title: 'oracle: trained on balanced rows',
  sees: 'balanced rows (other people than the test)',
  skyline: true,
  dictionary: false,
  strengthUnit: 'none',
  make: () => ({ steps: NONE, classifier: 'oracle' }),
};
