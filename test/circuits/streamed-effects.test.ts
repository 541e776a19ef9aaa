/** @file Effects site by site are those of all sites at once; equal rows are encoded once and come out as if alone. */
import { describe, expect, test } from 'vitest';
import { encodeState, encodeStates } from '../../src/circuits/encode-state.ts';
import { nodeEffects } from '../../src/circuits/node-effects.ts';
import { streamedEffects } from '../../src/circuits/streamed-effects.ts';
import { random } from '../../src/core/random.ts';
import { randomDictionary } from './support/dictionaries.ts';
import { largestDifference, run, tinySetting } from './support/tiny.ts';

const { model, network, pairs } = tinySetting();
const dictionaries = [
  'hook_embed',
  'blocks.0.hook_attn_out',
  'blocks.1.hook_mlp_out',
  'blocks.2.hook_resid_post',
].map((site, i) => randomDictionary(random(i), { site, width: 16, features: 40, k: 6 }, model.hash));

describe('streamed effects', () => {
  test.each([
    ['attribution-patching', 'counterfactual'],
    ['relp', 'counterfactual'],
    ['midpoint-3', 'counterfactual'],
    ['adaptive-0.05', 'counterfactual'],
    ['left-2', 'zero'],
    ['attribution-patching', 'mean'],
  ] as const)('%s against %s are the effects of nodeEffects', async (method, baseline) => {
    const all = await nodeEffects(network, dictionaries, pairs, { method, baseline }, run);
    const open: string[] = [];
    const sources = dictionaries.map((dictionary) => ({
      site: dictionary.site,
      open: async () => {
        open.push(dictionary.site);
        return dictionary;
      },
    }));
    let seen = 0;
    for await (const effects of streamedEffects(network, sources, pairs, { method, baseline }, run)) {
      const expected = all.effects[seen++]!;
      expect(effects.site).toBe(expected.site);
      // A dictionary is opened when its turn comes.
      expect(open).toHaveLength(seen);
      expect(largestDifference(effects.features_TF, expected.features_TF)).toBeLessThan(1e-6);
      expect(largestDifference(effects.errors_T, expected.errors_T)).toBeLessThan(1e-6);
      const known = effects.change_B.every((change) => !Number.isNaN(change));
      if (known) expect(largestDifference(effects.change_B, expected.change_B)).toBeLessThan(1e-5);
      else expect(effects.site).toMatch(/attn|mlp/);
    }
    expect(seen).toBe(dictionaries.length);
  });

  test('exact effects are refused', async () => {
    const effects = streamedEffects(network, [], pairs, { method: 'exact' }, run);
    await expect(effects.next()).rejects.toThrow(RangeError);
  });
});

test('rows that are the same on both sides and in several examples have the code that they have alone', async () => {
  const dictionary = randomDictionary(random(7), { site: 'x', width: 16, features: 40, k: 6 });
  const shape = { examples: 3, positions: 4, width: 16 };
  const stream = random(8);
  const rows = Array.from({ length: 5 }, () => Float32Array.from({ length: 16 }, () => stream.normal()));
  const state = () =>
    Float32Array.from(Array.from({ length: 12 }, () => [...rows[stream.integer(rows.length)]!]).flat());
  const states = [state(), state()];
  const together = await encodeStates(dictionary, states, shape, 1);
  for (const [i, x] of states.entries()) {
    // Row by row: one example of one position each, so that nothing is shared.
    for (let row = 0; row < 12; row++) {
      const alone = await encodeState(
        dictionary,
        Float32Array.from([...new Float32Array(16), ...x.subarray(row * 16, (row + 1) * 16)]),
        { examples: 1, positions: 2, width: 16 },
        1,
      );
      if (row % 4 === 0) continue;
      const k = together[i]!.k;
      expect(together[i]!.indices_BTK.subarray(row * k, (row + 1) * k)).toEqual(
        alone.indices_BTK.subarray(alone.k),
      );
      expect(
        largestDifference(
          together[i]!.values_BTK.subarray(row * k, (row + 1) * k),
          alone.values_BTK.subarray(alone.k),
        ),
      ).toBeLessThan(1e-6);
    }
    expect(together[i]!.x_BTD).toBe(x);
  }
});
