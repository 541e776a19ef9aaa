import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Message, renderChat } from '../../src/models/chat.ts';
import { generate } from '../../src/models/generate.ts';
import { openSteps } from '../../src/models/steps.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';

/** Written by test/oracles/smollm2_generation.py with transformers' generate(). */
const oracle = JSON.parse(readFileSync('test/oracles/smollm2_generation.json', 'utf8')) as {
  count: number;
  rows: { prompt: string; messages?: Message[]; ids: number[]; generated: number[]; ended: string }[];
};
const threads = 2;

describe.runIf(await hasRealModel())('SmolLM2-135M writes', () => {
  test.each(oracle.rows)(
    'after $prompt what transformers writes',
    async ({ prompt, messages, ids, generated, ended }) => {
      const model = await realModel();
      if (messages) expect(renderChat(model, messages)).toBe(prompt);
      expect(model.tokenizer.encode(prompt)).toEqual(ids);
      const run = generate(model, { input: ids, count: oracle.count, threads });
      const made: number[] = [];
      let text = '';
      for (let next = await run.next(); ; next = await run.next()) {
        if (next.done) {
          expect(next.value).toBe(ended);
          break;
        }
        made.push(next.value.id);
        text += next.value.text;
      }
      expect(made).toEqual(generated);
      expect(text).toBe(model.tokenizer.decode(generated));
    },
  );
  test('with the cache the logits of the whole text, step by step', async () => {
    const model = await realModel();
    const { ids, generated } = oracle.rows[0]!;
    const all = [...ids, ...generated.slice(0, 6)];
    const kept = await openSteps(model, { threads, positions: all.length });
    const whole = await openSteps(model, { threads, positions: all.length, cache: false });
    let [most, largest] = [0, 0];
    for (let n = ids.length; n <= all.length; n++) {
      const [a, b] = [await kept.after(all.slice(0, n)), await whole.after(all.slice(0, n))];
      for (let i = 0; i < b.length; i++) {
        most = Math.max(most, Math.abs(a[i]! - b[i]!));
        largest = Math.max(largest, Math.abs(b[i]!));
      }
    }
    await Promise.all([kept.close(), whole.close()]);
    console.log(
      `largest difference of logits with the cache: ${(most / largest).toExponential(1)} of the largest`,
    );
    expect(most / largest).toBeLessThan(1e-4);
  });
});
