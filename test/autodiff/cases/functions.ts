/** @file Cases: the less common functions of one variable, and products. */
import { awayFromKinks, type Cases, one, positive, two, withInts } from './forms.ts';

const within = (low: number, high: number) => (r: { uniform(): number }) => low + (high - low) * r.uniform();

export const functionCases: Cases = {
  Selu: { plain: one('Selu', {}, awayFromKinks) },
  Celu: { plain: one('Celu', { alpha: { float: 0.5 } }, awayFromKinks) },
  ThresholdedRelu: { plain: one('ThresholdedRelu', { alpha: { float: 0.05 } }, awayFromKinks) },
  HardSigmoid: { plain: one('HardSigmoid', { alpha: { float: 0.9 } }, within(-0.3, 0.3)) },
  HardSwish: { middle: one('HardSwish', {}, within(-2, 2)), outside: one('HardSwish', {}, within(3.5, 4)) },
  Shrink: {
    plain: {
      ...one('Shrink', { lambd: { float: 0.02 }, bias: { float: 0.3 } }, awayFromKinks),
      dtype: 'float32',
    },
  },
  Softsign: { plain: one('Softsign', {}, awayFromKinks) },
  Swish: {
    plain: { ...one('Swish'), opset: 24 },
    alpha: { ...one('Swish', { alpha: { float: 1.5 } }), opset: 24 },
  },
  PRelu: { broadcast: two('PRelu', [2, 3, 2], [3, 1], awayFromKinks) },
  Tan: { plain: one('Tan', {}, awayFromKinks) },
  Asin: { plain: one('Asin', {}, within(-0.7, 0.7)) },
  Acos: { plain: one('Acos', {}, within(-0.7, 0.7)) },
  Atan: { plain: one('Atan') },
  Sinh: { plain: one('Sinh') },
  Cosh: { plain: one('Cosh') },
  Asinh: { plain: one('Asinh') },
  Acosh: { plain: one('Acosh', {}, within(1.5, 3)) },
  Atanh: { plain: one('Atanh', {}, within(-0.3, 0.3)) },
  ReduceProd: {
    kept: withInts('ReduceProd', [[1]]),
    dropped: { ...withInts('ReduceProd', [[0, -1]], { keepdims: { int: 0 } }), draw: positive },
    'one zero, first order': {
      ...withInts('ReduceProd', [[1]], { keepdims: { int: 0 } }, [2, 3]),
      draw: (() => {
        let count = 0;
        return (r: { normal(): number }) => (count++ === 1 ? 0 : r.normal());
      })(),
      firstOrder: true,
    },
  },
};
