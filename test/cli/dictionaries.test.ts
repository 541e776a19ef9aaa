import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle, within } from './support.ts';

const folder = temporaryFolder();
const fixtures = 'test/fixtures/dictionaries';

test('a dictionary of one library goes to another, by way of ours', { timeout: 120_000 }, async () => {
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  const imported = await untangle([
    ...['dictionaries', 'import', join(fixtures, 'dl-gated-anneal'), '--out', ours],
    ...['--site', 'blocks.2.hook_mlp_out'],
  ]);
  expect(imported).toMatchObject({ code: 0 });
  expect(imported.out).toContain('blocks.2.hook_mlp_out');
  const exported = await untangle([
    ...['dictionaries', 'export', ours, '--format', 'saelens', '--out', theirs, '--json'],
    ...['--model-name', 'pythia-70m-deduped'],
  ]);
  expect(JSON.parse(exported.out)).toEqual({
    format: 'saelens',
    written: [{ source: ours, site: 'blocks.2.hook_mlp_out', folder: theirs }],
  });
  const shown = await untangle(['dictionaries', 'show', theirs, '--json']);
  expect(JSON.parse(shown.out)).toMatchObject({
    format: 'saelens',
    architecture: 'gated',
    site: 'blocks.2.hook_mlp_out',
    model: 'pythia-70m-deduped',
    width: 12,
    features: 40,
  });
});

test('what cannot be is refused with a code; a wrong use with another exit code', {
  timeout: 120_000,
}, async () => {
  const refused = await untangle([
    ...['dictionaries', 'export', join(fixtures, 'saelens-gated'), '--format', 'sparsify'],
    ...['--out', join(folder, 'none'), '--json'],
  ]);
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.out)).toMatchObject({ error: { code: 'dictionary.unsupported' } });
  const wrong = await untangle(['dictionaries', 'export', 'x', '--format', 'gguf', '--out', folder]);
  expect(wrong.code).toBe(2);
  const ours = join(folder, 'ours');
  await within(['dictionaries', 'import', join(fixtures, 'saelens-gated'), '--out', ours]);
  for (const option of [
    ['--site', 'blocks.9.hook_resid_post'],
    ['--format', 'saelens'],
    ['--scale', '2'],
    ['--target-layer', '1'],
  ])
    await expect(within(['dictionaries', 'show', ours, ...option])).rejects.toMatchObject({
      code: 'dictionary.own',
    });
  const twice = ['dictionaries', 'export', ours, ours, '--format', 'saelens', '--out', join(folder, 'twice')];
  await expect(within(twice)).rejects.toMatchObject({ code: 'usage.options' });
  const model = await untangle([
    ...['dictionaries', 'import', join(fixtures, 'saelens-gated'), '--model', 'tiny'],
    ...['--out', join(folder, 'tiny'), '--json'],
  ]);
  expect(JSON.parse(model.out)).toMatchObject({ error: { code: 'dictionary.other-model' } });
});
