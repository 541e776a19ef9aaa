/** @file A folder that lives as long as the tests of a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Makes a fresh folder now and removes it after the last test of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'untangle-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
