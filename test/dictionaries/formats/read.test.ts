import { describe, expect, test } from 'vitest';
import { describeDictionary } from '../../../src/dictionaries/formats/describe.ts';
import { apart, cases, computed, expected, opened } from './support.ts';

describe('what a library wrote computes here what it computes there', () => {
  test.each(cases)('$name', async (given) => {
    const { dictionary, provenance } = await opened(given);
    expect(provenance.format).toBe(given.format);
    expect(dictionary.architecture).toBe(given.architecture);
    expect(dictionary.activation.kind).toBe(given.activation);
    if (given.k) expect(dictionary.activation).toEqual({ kind: given.activation, k: given.k });
    expect(dictionary.site).toBe(given.site ?? 'blocks.3.hook_resid_post');
    if (!given.transcoder) expect(dictionary.output).toEqual(given.output);
    const { x, acts, out } = await expected(given.name);
    const ours = await computed(dictionary, x);
    expect(apart(ours.acts, acts)).toBeLessThanOrEqual(1e-5);
    expect(apart(ours.out, out)).toBeLessThanOrEqual(1e-5);
    expect(acts.filter((v) => v !== 0).length).toBeGreaterThan(10);
  });

  test('what becomes of rows before they are encoded is told', async () => {
    const told = async (name: string) =>
      describeDictionary(await opened(cases.find((given) => given.name === name)!));
    const [norm, centred] = [await told('saelens-constant-norm'), await told('saelens-layer-norm')];
    expect(norm.rowNorm).toBeCloseTo(Math.sqrt(norm.width), 12);
    expect(norm).not.toHaveProperty('rowCentred');
    expect(centred.rowNorm).toBeCloseTo(Math.sqrt(centred.width - 1), 12);
    expect(centred.rowCentred).toBe(true);
  });

  test('every format and every kind that it holds is among them', () => {
    const kinds = new Set(cases.map(({ format, architecture }) => `${format} ${architecture}`));
    expect([...kinds].sort()).toMatchInlineSnapshot(`
      [
        "circuit-tracer skip-transcoder",
        "circuit-tracer transcoder",
        "dictionary_learning batchtopk",
        "dictionary_learning gated",
        "dictionary_learning jumprelu",
        "dictionary_learning matryoshka",
        "dictionary_learning p-anneal",
        "dictionary_learning relu",
        "dictionary_learning topk",
        "gemma-scope jumprelu",
        "gemma-scope transcoder",
        "saelens batchtopk",
        "saelens gated",
        "saelens jumprelu",
        "saelens matryoshka",
        "saelens relu",
        "saelens skip-transcoder",
        "saelens topk",
        "saelens transcoder",
        "sparsify skip-transcoder",
        "sparsify topk",
        "sparsify transcoder",
      ]
    `);
  });
});
