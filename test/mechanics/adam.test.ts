import { describe, expect, test } from 'vitest';
import { adam, adamW } from '../../src/mechanics/optimisers/adam.ts';
import type { Floats, Optimiser } from '../../src/mechanics/optimisers/optimiser.ts';
import { sgd } from '../../src/mechanics/optimisers/sgd.ts';

/** f(θ) = Σ cosh θᵢ − 1, a gradient that is not linear. */
const descend = (optimiser: Optimiser, parameters: Floats, steps: number) => {
  for (let n = 0; n < steps; n++) {
    const gradient = Float64Array.from(parameters, Math.sinh);
    const loss = [...parameters].reduce((sum, t) => sum + Math.cosh(t) - 1, 0);
    optimiser.update(parameters, gradient, loss);
  }
  return parameters;
};

describe('Adam', () => {
  test('moves by exactly the learning rate against the sign of the first gradient', () => {
    const parameters = Float64Array.of(1, -2, 0.5);
    adam({ learningRate: 0.1, epsilon: 0 }).update(parameters, Float64Array.of(3, -1e-9, 1e9), 0);
    expect([...parameters]).toEqual([0.9, -1.9, 0.4].map((t) => expect.closeTo(t, 15)));
  });

  test('AdamW with no gradient shrinks the parameters by 1 − ηλ a step', () => {
    const parameters = Float64Array.of(1, -2);
    const optimiser = adamW({ learningRate: 0.1, weightDecay: 0.5 });
    for (let n = 0; n < 3; n++) optimiser.update(parameters, new Float64Array(2), 0);
    expect([...parameters]).toEqual([expect.closeTo(0.95 ** 3, 15), expect.closeTo(-2 * 0.95 ** 3, 15)]);
  });

  test('finds the minimum, in both precisions', () => {
    for (const start of [Float32Array.of(2, -1), Float64Array.of(2, -1)])
      for (const t of descend(adam({ learningRate: 0.05 }), start, 400))
        expect(Math.abs(t)).toBeLessThan(1e-2);
  });

  test('a learning rate may be a function of the step', () => {
    const parameters = Float64Array.of(1);
    const optimiser = sgd({ learningRate: (step) => (step === 0 ? 0.5 : 0.25) });
    optimiser.update(parameters, Float64Array.of(1), 0);
    optimiser.update(parameters, Float64Array.of(1), 0);
    expect(parameters[0]).toBe(0.25);
  });
});

describe('every update', () => {
  test('names a gradient that is not finite', () =>
    expect(() => adam().update(Float64Array.of(1), Float64Array.of(Number.NaN), 0)).toThrowError(
      expect.objectContaining({ code: 'mechanics.not-finite', where: 'adam' }),
    ));
  test('names a gradient of another length', () => {
    expect(() => sgd({ learningRate: 1 }).update(Float64Array.of(1), Float64Array.of(1, 2), 0)).toThrowError(
      expect.objectContaining({ code: 'mechanics.length' }),
    );
    const used = adam();
    used.update(Float64Array.of(1), Float64Array.of(1), 0);
    expect(() => used.update(Float64Array.of(1, 2), Float64Array.of(1, 2), 0)).toThrowError(
      expect.objectContaining({ code: 'mechanics.length' }),
    );
  });
  test('names a step that is not positive', () =>
    expect(() => sgd({ learningRate: 0 }).update(Float64Array.of(1), Float64Array.of(1), 0)).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    ));
  test('refuses the state of another optimiser', () =>
    expect(() => adam().restore(sgd({ learningRate: 1 }).save())).toThrowError(
      expect.objectContaining({ code: 'mechanics.other-state' }),
    ));
});
