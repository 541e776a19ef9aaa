/** @file docs/operators.md says what the table of rules says. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { operatorsPage } from '../../scripts/operators-doc.ts';

test('docs/operators.md is up to date (else: npx tsx scripts/operators-doc.ts)', () => {
  const page = readFileSync(new URL('../../docs/operators.md', import.meta.url), 'utf8');
  expect(page).toBe(operatorsPage());
});
