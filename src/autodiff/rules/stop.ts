/** @file Operators through which no gradient flows: comparisons, logic, shapes, integers, steps. */
import { type Rule, stop } from '../rule.ts';

const names =
  'Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor Not IsNaN IsInf BitwiseNot BitwiseAnd BitwiseOr BitwiseXor BitShift ' +
  'Shape Size ConstantOfShape Range NonZero ArgMax ArgMin EyeLike Constant ' +
  'Sign Floor Ceil Round Hardmax';

export const stopRules: Readonly<Record<string, Rule>> = Object.fromEntries(
  names.split(' ').map((name) => [name, stop]),
);
