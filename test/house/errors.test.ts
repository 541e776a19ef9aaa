import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** All files below `folder` whose names end with `ending`. */
const filesBelow = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`);

const thrown = new Set(
  filesBelow('src', '.ts').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/new \w+Error\(\s*'([a-z0-9]+\.[a-z0-9.-]+)'/g)].map(
      (m) => m[1]!,
    ),
  ),
);
const documented = new Set(
  filesBelow('docs/errors', '.md').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^\|\s*`([^`]+)`/gm)].map((m) => m[1]!),
  ),
);

describe('errors', () => {
  test('every code that is thrown has its line in docs/errors', () =>
    expect([...thrown].filter((code) => !documented.has(code)).sort()).toEqual([]));
  test('docs/errors lists no code that nothing throws', () => {
    const source = filesBelow('src', '.ts')
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    expect([...documented].filter((code) => !source.includes(`'${code}'`)).sort()).toEqual([]);
  });
});
