/** @file Pictures are well-formed SVG whatever the data say, and show what they promise. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextTokenBars, visibleToken } from '../../src/pictures/bars.ts';
import { budgetPicture, cutLabel } from '../../src/pictures/budget.ts';
import { circuitPicture } from '../../src/pictures/circuit.ts';
import { categories, cividis, featureColour } from '../../src/pictures/colours.ts';
import { faithfulnessPicture, learningPicture, strengthPicture } from '../../src/pictures/curves.ts';
import { dumbbellPicture } from '../../src/pictures/dumbbell.ts';
import { costatePicture, histogramPicture } from '../../src/pictures/small.ts';
import { inventedCircuit } from '../support/invented-circuit.ts';
import { inventedStudy } from '../support/invented-study.ts';
import { elements } from './elements.ts';

const { results } = inventedStudy();
const size = { width: 640, height: 320 };

describe('every picture is well-formed SVG', () => {
  test.each([
    ['next token', () => nextTokenBars(results.model!.examples[0]!.tokens, 500, 'a')],
    ['circuit', () => circuitPicture(inventedCircuit('gender', 1), { width: 700 }, 'a')],
    ['budget', () => budgetPicture(results.energy[0]!.budget, size, 'a')],
    [
      'dumbbell',
      () =>
        dumbbellPicture([{ occupation: 'x', percentWomen: 3, before: 1, after: -1 }], { width: 500 }, 'a'),
    ],
    ['faithfulness', () => faithfulnessPicture(results.circuits[0]!.curve, 96, size)],
    ['strength', () => strengthPicture(results.edit!.rows, results.edit!.baseline.bias, size)],
    ['learning', () => learningPicture([{ name: 'x', curve: results.dictionaries[0]!.curve }], size)],
    ['costate', () => costatePicture(results.energy[0]!.costate.products, size)],
    ['histogram', () => histogramPicture([{ from: 0, to: 1, count: 4 }], size, 'a', 'x')],
    ['empty budget', () => budgetPicture([], size, 'a')],
    ['empty lines', () => learningPicture([], size)],
    ['empty curve', () => faithfulnessPicture([], undefined, size)],
    ['one point', () => learningPicture([{ name: 'x', curve: [{ tokens: 5, fve: 0.1 }] }], size)],
    ['empty histogram', () => histogramPicture([], size, 'a', 'x')],
    ['flat costate', () => costatePicture([{ cut: 0, value: 0 }], size)],
  ])('%s', (_, draw) => {
    expect(elements(draw())[0]).toBe('svg');
  });

  test('whatever stands in tokens, names and labels', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (token, name) => {
        // `elements` takes these words for broken numbers, even where a token says them.
        fc.pre(!/NaN|undefined/.test(token + name));
        elements(nextTokenBars([{ text: token, probability: 0.5 }], 400, name));
        elements(
          dumbbellPicture(
            [{ occupation: name, percentWomen: 3, before: 1, after: 0 }],
            { width: 400 },
            token,
          ),
        );
      }),
    );
  });

  test('intervals that are not known leave no band, and no broken number', () => {
    const estimate = { value: 0.5, low: Number.NaN, high: Number.NaN, n: 3 };
    const svg = strengthPicture([{ method: 'features', strength: 1, biasAfter: estimate }], estimate, size);
    elements(svg);
  });
});

describe('what pictures say', () => {
  test('the budget draws features, errors and the leak at every cut', () => {
    const rows = [
      { cut: 3, site: 'blocks.2.hook_resid_post', deltaM: 2, features: 1.5, errors: 0.4 },
      { cut: 6, site: 'blocks.5.hook_resid_post', deltaM: -2, features: -1.8, errors: -0.2 },
    ];
    const svg = budgetPicture(rows, size, 'a');
    expect(svg).toContain('block 2: features 75.0 % of the whole effect');
    expect(svg).toContain('block 2: error nodes 20.0 %');
    expect(svg).toContain('block 2: leak 5.0 %');
    expect(svg).toContain('block 5: features 90.0 %');
  });

  test('occupations stand in the order of the share of women', () => {
    const lean = (occupation: string, percentWomen: number) => ({
      occupation,
      percentWomen,
      before: 1,
      after: 0,
    });
    const svg = dumbbellPicture([lean('low', 3), lean('high', 90), lean('middle', 50)], { width: 500 }, 'a');
    const at = (name: string) => svg.indexOf(`>${name}<`);
    expect(at('high')).toBeLessThan(at('middle'));
    expect(at('middle')).toBeLessThan(at('low'));
  });

  test('nulls are dashed', () => {
    expect(faithfulnessPicture(results.circuits[0]!.curve, 96, size)).toMatch(/stroke-dasharray="5 4"/);
  });

  test('tokens show their white space', () => {
    expect(visibleToken(' she')).toBe('·she');
    expect(visibleToken('\n')).toBe('⏎');
    expect(visibleToken('')).toBe('∅');
  });

  test('cuts are named in words, other sites by their own name', () => {
    expect(cutLabel('blocks.11.hook_resid_post')).toBe('block 11');
    expect(cutLabel('hook_embed')).toBe('embedding');
    expect(cutLabel('blocks.3.attn.hook_z')).toBe('blocks.3.attn.hook_z');
  });
});

describe('colours', () => {
  test('cividis runs from dark blue to yellow, ever lighter', () => {
    const light = Array.from({ length: 50 }, (_, i) => {
      const [r, g, b] = cividis(i / 49);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    expect(light).toEqual([...light].sort((a, b) => a - b));
    expect(cividis(0)).toEqual([0, 34, 78]);
    expect(cividis(1)).toEqual([254, 232, 56]);
    expect(cividis(Number.NaN)).toEqual(cividis(0));
  });

  test('a feature keeps its colour, and colours are shared out evenly', () => {
    expect(featureColour('a', 1)).toBe(featureColour('a', 1));
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const colour = featureColour('blocks.11.hook_resid_post', i);
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    expect(counts.size).toBe(categories.length);
    for (const count of counts.values()) expect(count).toBeGreaterThan(600);
  });
});
