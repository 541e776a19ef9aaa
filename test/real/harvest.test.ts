/** @file Text and harvest for real: the leads of Wikipedia, and the sinks of SmolLM2 where they are known to be. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { harvest } from '../../src/activations/harvest.ts';
import { openActivations } from '../../src/activations/open.ts';
import { rowNorms } from '../../src/activations/sinks.ts';
import { silent } from '../../src/core/progress.ts';
import { i64 } from '../../src/core/tensor.ts';
import { loadDocuments, textSource } from '../../src/data/text.ts';
import { makeWindows } from '../../src/data/windows.ts';
import { only } from '../../src/graph/interventions.ts';
import { openSession } from '../../src/runtime/session.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';

const corpus = await loadDocuments(textSource('wikipedia-leads'), { progress: silent }).catch(
  (error: Error) => {
    if (process.env.CI) throw error;
    console.warn(`tests of the real text are skipped: ${error.message}`);
  },
);
const folder = mkdtempSync(join(tmpdir(), 'untangle-real-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.runIf(corpus && (await hasRealModel()))('on SmolLM2 and Wikipedia', async () => {
  const model = await realModel();
  const { documents, attribution } = corpus!;

  test('10,033 leads with titles, licence and authors named', () => {
    expect(documents).toHaveLength(10_033);
    expect(attribution).toMatch(/CC BY-SA 4\.0.*authors/);
    expect(documents.find((d) => d.title === 'Arithmetic')?.text).toMatch(/elementary branch of mathematics/);
  });

  const options = { length: 128, trainTokens: 2048, heldOutTokens: 512, seed: 0 };
  const windows = makeWindows(documents, model.tokenizer, options);

  test('the first position is a sink, more than a hundred times the rest, and the harvest leaves it out', async () => {
    const site = 'blocks.11.hook_resid_post';
    const threads = 2;
    const result = await harvest({
      model,
      windows: windows.train,
      sites: [site],
      folder,
      threads,
      progress: silent,
    });
    const [found] = result.sites;
    expect(found!.storage).toBe('float16');
    expect(found!.medianNorm).toBeGreaterThan(120);
    expect(found!.medianNorm).toBeLessThan(160);
    expect(found!.leftOut.first).toBe(16);
    expect(found!.leftOut.byNorm).toBeLessThanOrEqual(2);
    expect(found!.rows + found!.leftOut.byNorm).toBe(16 * 127);

    const { tokens } = windows.train[0]!;
    const session = await openSession(only(model.graph, [site]), { threads });
    const direct = (await session.run({ tokens: i64([1, 128], tokens) }))[site]!.data as Float32Array;
    await session.release();
    expect(rowNorms(direct, 576)[0]).toBeGreaterThan(20_000);
    const activations = await openActivations(folder, site);
    const row = activations.read(9, 1);
    expect(activations.index.window[9]).toBe(0);
    const at = activations.index.position[9]!;
    row.forEach((x, i) => {
      const expected = direct[at * 576 + i]!;
      expect(Math.abs(x - expected)).toBeLessThanOrEqual(2 ** -10 * Math.abs(expected) + 2e-3);
    });
    expect(Math.max(...rowNorms(activations.load(), 576))).toBeLessThanOrEqual(
      found!.leftOut.threshold * 1.001,
    );
    activations.close();
  });
});
