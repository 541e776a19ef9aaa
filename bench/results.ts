/** @file Where figures are committed: bench/results, one readable JSON file for each benchmark. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A result as it is printed and written. */
export const resultText = (result: unknown): string => `${JSON.stringify(result, null, 2)}\n`;

const pathOf = (name: string): string => fileURLToPath(new URL(`results/${name}.json`, import.meta.url));

/** Writes bench/results/`name`.json, whole or not at all. */
export function saveResult(name: string, result: unknown): void {
  mkdirSync(fileURLToPath(new URL('results/', import.meta.url)), { recursive: true });
  const path = pathOf(name);
  writeFileSync(`${path}.partial`, resultText(result));
  renameSync(`${path}.partial`, path);
}

/** What bench/results/`name`.json holds; undefined when there is none. */
export function loadResult<T>(name: string): T | undefined {
  const path = pathOf(name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
}
