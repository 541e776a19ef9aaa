/** @file The examples of the pages about mechanics: their types hold, and they run as they stand. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const examples = ['docs/mechanics.md', 'docs/mechanics-methods.md'].flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = '']) => code)
    .filter((code) => code.includes("from 'untangle/mechanics'"))
    .map((code, i) => ({ page, number: i + 1, code })),
);

// Inside the repository, so that the package finds itself by its own name; git and other tests do not look here.
mkdirSync('.untangle', { recursive: true });
const folder = resolve(mkdtempSync('.untangle/examples-'));
const fileOf = (index: number) => join(folder, `example-${index}.ts`);
for (const [index, { code }] of examples.entries()) writeFileSync(fileOf(index), code);
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs Node; its exit code, with what it printed. */
function node(...args: string[]): { code: number; output: string } {
  try {
    return { code: 0, output: execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' }) };
  } catch (error) {
    const failure = error as { status: number; stdout: string; stderr: string };
    return { code: failure.status, output: failure.stdout + failure.stderr };
  }
}

test('both pages have examples', () => {
  expect(new Set(examples.map(({ page }) => page)).size).toBe(2);
  expect(examples.length).toBeGreaterThanOrEqual(5);
});

test('their types hold as strictly as ours', () => {
  const settings = {
    extends: '../../tsconfig.json',
    compilerOptions: { incremental: false, tsBuildInfoFile: null },
    include: ['*.ts'],
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  expect(node('node_modules/typescript/bin/tsc', '-p', folder)).toEqual({ code: 0, output: '' });
});

test.each(examples.map(({ page, number }, index) => [page, number, index] as const))(
  '%s: example %i runs',
  (_page, _number, index) => {
    const { code, output } = node('--import', 'tsx', fileOf(index));
    expect(code, output).toBe(0);
    expect(output.trim()).not.toBe('');
    // A number that an example names is there.
    expect(output).not.toMatch(/NaN|undefined/);
  },
);
