/** @file Where figures are committed: bench/results, one readable JSON file for each benchmark. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A result as it is printed and written. */
export const resultText = (result: unknown): string => `${JSON.stringify(result, null, 2)}\n`;

/** Writes bench/results/`name`.json. */
export function saveResult(name: string, result: unknown): void {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileURLToPath(new URL(`${name}.json`, folder)), resultText(result));
}
