/** @file SHIFT (Marks et al. 2024): features that tell gender and not the field are switched off, by a rule or by a person. */
import { type BiasMethodRow, countsUpTo, type MadeRow, removal } from './types.ts';

const sees = 'the confounded rows; the protected attribute in auxiliary rows';
const common = { skyline: false, dictionary: true, strengthUnit: 'features switched off' } as const;

const switchedOff = (features: readonly number[], classifier: MadeRow['classifier']): MadeRow => ({
  steps: countsUpTo(features.length).map((count) => ({
    strength: count,
    edit: removal(features.slice(0, count)),
  })),
  classifier,
  changed: features.length,
});

export const shift: BiasMethodRow = {
  method: 'shift',
  title: 'SHIFT by rule',
  sees,
  ...common,
  make: ({ shared }) => switchedOff(shared.selection().chosen, 'given'),
};

export const shiftRetrained: BiasMethodRow = {
  method: 'shift-retrained',
  title: 'SHIFT by rule, probe retrained',
  sees,
  ...common,
  make: ({ shared }) => switchedOff(shared.selection().chosen, 'retrained'),
};

export const shiftChoice: BiasMethodRow = {
  method: 'shift-choice',
  title: "SHIFT with a person's choice",
  sees: 'what the person saw: features with their passages and effects',
  ...common,
  make: ({ choice }) =>
    choice === undefined
      ? { left: 'no choice was given; the Studio makes one (--choice FILE)' }
      : switchedOff(choice, 'given'),
};
