import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { convert, damagedWeights, openConverted } from '../../src/models/convert.ts';
import { openGgufSource } from '../../src/models/gguf-source.ts';
import { compareWithReference } from '../../src/models/reference.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { ggufBytes, llamaMetadata, tinyPieces } from '../support/gguf-bytes.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();

test('another model than SmolLM2 is far from the reference: the comparison can fail', async () => {
  const other = tinyLlama(1, { vocabulary: 49_152, layers: 1 });
  const { prompts, worst, reordered } = await compareWithReference(other, { threads: 1 });
  expect(prompts).toBe(20);
  expect(worst).toBeGreaterThan(1);
  expect(reordered).toHaveLength(20);
});

test('one changed byte in the weights file is found by its checksum', async () => {
  const { shape, pieces } = tinyPieces(1);
  const path = join(folder, 'a.gguf');
  writeFileSync(path, ggufBytes(llamaMetadata(shape), pieces));
  const target = join(folder, 'a');
  mkdirSync(target);
  const source = openGgufSource(path);
  await convert(source, target, { progress: silent });
  source.close();
  const { weights } = await openConverted(target);
  expect(await damagedWeights(weights.values())).toEqual([]);
  appendFileSync(join(target, 'weights.bin'), 'x');
  expect(await damagedWeights(weights.values())).toEqual([join(target, 'weights.bin')]);
});
