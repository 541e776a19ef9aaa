/** @file All cases, by operator. */
import { fusedCases } from '../fused-cases.ts';
import type { Cases } from './forms.ts';
import { functionCases } from './functions.ts';
import { imageCases } from './images.ts';
import { plainCases } from './plain.ts';
import { structureCases } from './structure.ts';
import { windowCases } from './windows.ts';

export const cases: Cases = {
  ...plainCases,
  ...functionCases,
  ...windowCases,
  ...imageCases,
  ...structureCases,
  ...fusedCases,
};
