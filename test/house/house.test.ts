import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { withFigures } from '../../scripts/readme-figures.ts';

/** Runs a tool of node_modules/.bin and returns its exit code with what it printed. */
function tool(name: string, ...args: string[]): { code: number; output: string } {
  try {
    return {
      code: 0,
      output: execFileSync(`node_modules/.bin/${name}`, args, { encoding: 'utf8', stdio: 'pipe' }),
    };
  } catch (error) {
    const failure = error as { status: number; stdout: string; stderr: string };
    return { code: failure.status, output: failure.stdout + failure.stderr };
  }
}

const clean = { code: 0, output: expect.any(String) };

describe('the house', () => {
  test('every type holds', () => expect(tool('tsc', '-p', '.')).toEqual(clean));
  test('style and lint are clean', () =>
    expect(tool('biome', 'check', '--error-on-warnings')).toEqual(clean));
  test('the lock file names the packages of every platform', () =>
    expect(execFileSync('node', ['scripts/complete-lock.mjs', '--check'], { encoding: 'utf8' })).toBe(''));
  test('the figures of the README are those of the committed results', () => {
    const readme = readFileSync('README.md', 'utf8');
    expect(withFigures(readme)).toBe(readme);
  });
  test('nothing is left that nobody uses', () => expect(tool('knip')).toEqual(clean));
  test('a room imports only from the rooms below it', () =>
    expect(tool('depcruise', '--config', '.dependency-cruiser.mjs', 'src')).toEqual(clean));
});
