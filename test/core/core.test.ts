import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nearestNames, reportError, UsageError } from '../../src/core/errors.ts';
import { canonicalJson, contentHash } from '../../src/core/hash.ts';
import { type ProgressEvent, track } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { bootstrap, mean } from '../../src/core/statistics.ts';
import { f32, tensor, toNumbers, viewBytes } from '../../src/core/tensor.ts';

describe('tensors', () => {
  test('a shape that does not fit its data is refused', () => {
    expect(() => tensor('float32', [2, 3], new Float32Array(5))).toThrow(
      expect.objectContaining({ code: 'tensor.size' }),
    );
  });
  test('bytes at an odd offset are read as the same numbers', () => {
    const bytes = new Uint8Array(1 + 8);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    expect([...viewBytes('float32', bytes.subarray(1))]).toEqual([1.5, -2]);
  });
  test('numbers come out as they went in', () => expect(toNumbers(f32([3], [1, 2, 3]))).toEqual([1, 2, 3]));
});

describe('randomness', () => {
  test('the same seed gives the same numbers, another seed others', () => {
    const draw = (seed: number) => Array.from({ length: 5 }, random(seed).uniform);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
  test('drawing from a fork does not shift its parent', () => {
    const a = random(7);
    const b = random(7);
    b.fork('other').uniform();
    expect(a.uniform()).toBe(b.uniform());
    expect(random(7).fork('x').uniform()).not.toBe(random(7).fork('y').uniform());
  });
  test('normal numbers have mean 0 and variance 1 within four standard errors', () => {
    const r = random(3);
    const x = Array.from({ length: 40_000 }, r.normal);
    expect(Math.abs(mean(x))).toBeLessThan(4 / 200);
    expect(Math.abs(mean(x.map((v) => v * v)) - 1)).toBeLessThan((4 * Math.SQRT2) / 200);
  });
  test('a permutation holds every number once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer(), (n, seed) => {
        expect([...random(seed).permutation(n)].sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, i) => i),
        );
      }),
    );
  });
});

describe('hashes', () => {
  test('the order of keys does not matter, every value does', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(object));
        expect(contentHash({ ...object, extra: 1 })).not.toBe(contentHash({ ...object, extra: 2 }));
      }),
    );
  });
});

describe('statistics', () => {
  test('the bootstrap interval of a mean is about two standard errors to each side', () => {
    const r = random(11);
    const units = Array.from({ length: 400 }, r.normal);
    const estimate = bootstrap(units, (s) => mean([...s]), r);
    expect(estimate.value).toBeCloseTo(mean(units), 12);
    expect((estimate.high - estimate.low) / (2 * 1.96 * 0.05)).toBeGreaterThan(0.8);
    expect((estimate.high - estimate.low) / (2 * 1.96 * 0.05)).toBeLessThan(1.2);
  });
});

describe('errors', () => {
  test('nearest names come nearest first', () => {
    expect(nearestNames('resid_pots', ['mlp_out', 'resid_post', 'resid_pre'], 2)).toEqual([
      'resid_post',
      'resid_pre',
    ]);
  });
  test('a report carries code, place and hint; anything unknown is an internal fault', () => {
    expect(reportError(new UsageError('usage.flag', 'no such flag', { hint: 'see --help' }))).toEqual({
      code: 'usage.flag',
      message: 'no such flag',
      hint: 'see --help',
    });
    expect(reportError(new RangeError('x')).code).toBe('internal');
  });
});

describe('progress', () => {
  test('a tracked task starts, advances and ends in this order', async () => {
    const events: ProgressEvent[] = [];
    const result = await track(
      (e) => events.push(e),
      { task: 't', label: 'T', total: 2 },
      async (advance) => {
        advance(1, { loss: 0.5 });
        return 42;
      },
    );
    expect(result).toBe(42);
    expect(events.map((e) => e.type)).toEqual(['start', 'advance', 'end']);
    expect(events[1]).toEqual({ type: 'advance', task: 't', done: 1, total: 2, figures: { loss: 0.5 } });
  });
});
