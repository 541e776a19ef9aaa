import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { random } from '../../../src/core/random.ts';
import { openDictionary } from '../../../src/dictionaries/formats/open.ts';
import { type FormatName, formatNames, formats } from '../../../src/dictionaries/formats/registry.ts';
import { type Dictionary, outputWidth } from '../../../src/dictionaries/types.ts';
import { writeJson } from '../../../src/files/atomic.ts';
import { writeSafetensors } from '../../../src/files/safetensors.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { apart, cases, computed, context, opened } from './support.ts';

const folder = temporaryFolder();
const RESULT = 'test/oracles/dictionary_formats.json';

/** One of each kind, and which formats have a place for it. */
const holders: Readonly<Record<string, readonly FormatName[]>> = {
  'saelens-standard': ['saelens', 'dictionary_learning', 'gemma-scope'],
  'dl-p-anneal': ['saelens', 'dictionary_learning', 'gemma-scope'],
  'saelens-gated': ['saelens', 'dictionary_learning'],
  'saelens-topk-rescaled': ['saelens', 'dictionary_learning', 'sparsify'],
  'dl-batchtopk': ['saelens', 'dictionary_learning', 'gemma-scope'],
  'dl-matryoshka': ['saelens', 'dictionary_learning', 'gemma-scope'],
  'saelens-jumprelu': ['saelens', 'dictionary_learning', 'gemma-scope'],
  'circuit-tracer-relu': ['saelens', 'gemma-scope', 'circuit-tracer'],
  'circuit-tracer-jumprelu': ['saelens', 'gemma-scope', 'circuit-tracer'],
  'circuit-tracer-skip': ['saelens', 'circuit-tracer'],
  'saelens-transcoder': ['saelens'],
  'sparsify-transcoder': ['sparsify'],
  'sparsify-skip-transcoder': ['sparsify'],
  'saelens-constant-norm': ['saelens'],
  'saelens-layer-norm': ['saelens'],
  pursuit: ['saelens'],
  neurons: [],
};

/** Kinds that no fixture has: a pursuit of three steps, and neurons. */
function made(name: string): Dictionary {
  const [D, F] = [12, 40];
  const r = random(3);
  const W = Float32Array.from({ length: F * D }, () => r.normal() / Math.sqrt(D));
  const base = {
    site: 'blocks.3.hook_resid_post',
    modelHash: '',
    width: D,
    sinkNorm: Number.POSITIVE_INFINITY,
  };
  if (name === 'neurons') {
    const eye = Float32Array.from({ length: D * D }, (_, i) => (i % (D + 1) === 0 ? 1 : 0));
    const none = new Float32Array(D);
    const arrays = { W_enc_FD: eye, b_enc_F: none, W_dec_FD: eye, b_dec_D: none };
    return { ...base, ...arrays, architecture: 'neurons', activation: { kind: 'identity' }, features: D };
  }
  return {
    ...base,
    architecture: 'matching-pursuit',
    activation: { kind: 'pursuit', k: 3 },
    features: F,
    W_enc_FD: W,
    b_enc_F: new Float32Array(F),
    W_dec_FD: W,
    b_dec_D: Float32Array.from({ length: D }, () => r.normal()),
  };
}

const named = async (name: string): Promise<Dictionary> => {
  const given = cases.find((one) => one.name === name);
  return given ? (await opened(given)).dictionary : made(name);
};

const r = random(8);
const x = Float32Array.from({ length: 32 * 12 }, () => 1.5 * r.normal());

const pairs = Object.entries(holders).flatMap(([name, held]) =>
  formatNames.map((format) => ({ name, format, holds: held.includes(format) })),
);

describe('what we write', () => {
  test.each(pairs)('$name as $format: $holds', async ({ name, format, holds }) => {
    const d = await named(name);
    const place = join(folder, `${name}-${format}`);
    if (!holds) {
      await expect(formats[format].write(place, d, {})).rejects.toMatchObject({
        code: 'dictionary.unsupported',
      });
      return;
    }
    const sparsity_F = Float32Array.from({ length: d.features }, (_, i) => -i / 10);
    await formats[format].write(place, d, { model: 'me/model', sparsity_F });
    const source =
      format === 'circuit-tracer' ? join(place, `layer_${d.site.split('.')[1]}.safetensors`) : place;
    const again = await openDictionary(
      source,
      format === 'saelens' || format === 'circuit-tracer'
        ? { format }
        : { format, site: d.site, ...(d.output ? { output: d.output.site } : {}) },
      context,
    );
    expect(again.dictionary.site).toBe(d.site);
    expect(again.dictionary.output).toEqual(d.output);
    expect(again.dictionary.activation.kind).toBe(format === 'gemma-scope' ? 'threshold' : d.activation.kind);
    if (format === 'saelens') {
      expect(again.dictionary.architecture).toBe(d.architecture);
      expect(again.provenance.sparsity_F).toEqual(sparsity_F);
      expect(again.provenance.model).toBe('me/model');
    }
    if (format === 'dictionary_learning' && d.architecture === 'batchtopk')
      expect(again.dictionary.architecture).toBe('batchtopk');
    const [before, after] = [await computed(d, x), await computed(again.dictionary, x)];
    expect(apart(before.acts, after.acts)).toBeLessThanOrEqual(1e-5);
    expect(apart(before.out, after.out)).toBeLessThanOrEqual(1e-5);
    expect(before.acts.some((v) => v !== 0)).toBe(true);
  });
});

/** Also written as safetensors for dictionary_learning: one with scalars, one without. */
const asSafetensors = ['saelens-gated', 'dl-batchtopk'];

test.each(asSafetensors)('%s for dictionary_learning as safetensors', async (name) => {
  const d = await named(name);
  const place = join(folder, `${name}-safetensors`);
  const sparsity_F = new Float32Array(d.features).fill(-1);
  await formats.dictionary_learning.write(place, d, { sparsity_F, safetensors: true });
  expect(readdirSync(place).sort()).toEqual(['ae.safetensors', 'config.json']);
  const again = await openDictionary(place, {}, context);
  expect(again.dictionary.architecture).toBe(d.architecture);
  const [before, after] = [await computed(d, x), await computed(again.dictionary, x)];
  expect(apart(before.acts, after.acts)).toBeLessThanOrEqual(1e-5);
});

interface Result {
  readonly packages: Readonly<Record<string, string>>;
  readonly rows: readonly { name: string; format: FormatName; acts: number; out: number }[];
}

describe('the libraries load what we write and compute the same', () => {
  const python = process.env.UNTANGLE_PEERS_PYTHON;
  const due = [
    ...pairs.filter(({ holds }) => holds).map((pair) => ({ ...pair, safetensors: false })),
    ...asSafetensors.map((name) => ({ name, format: 'dictionary_learning' as const, safetensors: true })),
  ];
  const labelOf = ({
    name,
    format,
    safetensors,
  }: Pick<(typeof due)[number], 'name' | 'format' | 'safetensors'>) =>
    `${name}-${format}${safetensors ? '-safetensors' : ''}`;

  test.skipIf(!python)('now, with the Python of UNTANGLE_PEERS_PYTHON', { timeout: 240_000 }, async () => {
    const place = join(folder, 'for-python');
    const written: { name: string; format: FormatName; transcoder: boolean }[] = [];
    for (const { name, format, safetensors } of due) {
      const d = await named(name);
      const label = labelOf({ name, format, safetensors });
      const sparsity_F = new Float32Array(d.features).fill(-1);
      await formats[format].write(join(place, label), d, { model: 'gpt2', sparsity_F, safetensors });
      const { acts, out } = await computed(d, x);
      const rows = x.length / d.width;
      const t = (width: number, data: Float32Array) =>
        ({ dtype: 'float32', shape: [rows, width], data: data as Float32Array<ArrayBuffer> }) as const;
      await writeSafetensors(join(place, `${label}.ours.safetensors`), {
        x: t(d.width, x),
        acts: t(d.features, acts),
        out: t(outputWidth(d), out),
      });
      written.push({ name: label, format, transcoder: d.output !== undefined });
    }
    await writeJson(join(place, 'cases.json'), written);
    const said = execFileSync(python!, ['test/oracles/dictionary_formats.py', place], { encoding: 'utf8' });
    const result = JSON.parse(said.trim().split('\n').at(-1)!) as Result;
    check(result);
    writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
  });

  test('when it was last run, for everything that is written', () => {
    check(JSON.parse(readFileSync(RESULT, 'utf8')) as Result);
  });

  function check({ rows }: Result): void {
    expect(rows.map(({ name }) => name).sort()).toEqual(due.map(labelOf).sort());
    expect(rows.filter(({ acts, out }) => !(acts <= 1e-5 && out <= 1e-5))).toEqual([]);
  }
});
