/** @file Every rule: gradient = central difference, ⟨λ, Jv⟩ = ⟨Jᵀλ, v⟩, and the second derivative in two ways. */
import { describe, expect, test } from 'vitest';
import { families } from '../../src/autodiff/rules/table.ts';
import { cases } from './cases/all.ts';
import { limits, measure } from './support.ts';

for (const [family, rules] of Object.entries(families)) {
  if (family === 'No gradient') continue;
  describe(family, () => {
    for (const name of Object.keys(rules)) {
      test(`${name} has test cases`, () => expect(Object.keys(cases[name] ?? {})).not.toHaveLength(0));
      for (const [title, spec] of Object.entries(cases[name] ?? {})) {
        test(`${name}, ${title}`, async () => {
          const found = await measure(spec);
          const limit = limits[found.dtype];
          expect(found.gradient).toBeLessThan(limit.difference);
          expect(found.adjoint).toBeLessThan(limit.adjoint);
          expect(found.curvature).toBeLessThan(limit.difference);
          expect(found.symmetry).toBeLessThan(limit.symmetry);
        });
      }
    }
  });
}
