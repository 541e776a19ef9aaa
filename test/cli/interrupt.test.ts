/** @file Ctrl-C as a user presses it: exit code 130, nothing lost, the same command goes on. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeMiniature } from '../support/miniature.ts';
import { untangle } from './support.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'untangle-interrupt-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cached = () => readdirSync(join(folder, 'workspace', 'cache'));

it('SIGINT ends with 130 after the batch at hand; the same command goes on from there', async () => {
  // So long a training that nobody waits for its end here.
  const file = writeMiniature(folder, { passes: 20_000 });
  const args = ['train', file, '--workspace', join(folder, 'workspace'), '--json'];
  let sent = false;
  const first = await untangle(args, {
    watch: (err, child) => {
      if (sent || !err.includes('▸ train/')) return;
      sent = true;
      setTimeout(() => child.kill('SIGINT'), 1500);
    },
  });
  expect(first.code).toBe(130);
  expect(JSON.parse(first.out).error.code).toBe('interrupted');
  expect(cached().filter((name) => !name.endsWith('.partial'))).toHaveLength(3);
  expect(cached().filter((name) => name.endsWith('.partial'))).toHaveLength(1);

  const again = await untangle(['harvest', file, ...args.slice(2)]);
  expect(again.code).toBe(0);
  expect(again.err).toMatch(/✓ harvest .*kept/);
  expect(JSON.parse(again.out).logits.of).toBe(20);
});
