/** @file `untangle edit …` as a user runs it, on a tiny random model with a random dictionary. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { program } from '../../src/cli/program.ts';
import { random } from '../../src/core/random.ts';
import { saveDictionary } from '../../src/dictionaries/files.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { randomDictionary } from '../circuits/support/dictionaries.ts';
import { writeMiniature } from '../support/miniature.ts';
import { fakeIo } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'edit-cli-'));
const at = (...parts: string[]) => join(folder, ...parts);

async function untangle(...args: string[]) {
  const { io, said } = fakeIo(false);
  await program(io).parseAsync(['edit', ...args], { from: 'user' });
  return said;
}
const json = async (...args: string[]) => JSON.parse((await untangle(...args, '--json', '--quiet')).out);
const tiny = ['--model', 'random-tiny', '--threads', '1'];
const text = ['--text', at('texts'), '--windows', '2', '--length', '16'];
const site = 'blocks.1.hook_resid_post';
const task = at('plural.json');

beforeAll(async () => {
  writeMiniature(folder);
  const examples = ['cat', 'dog', 'cow', 'hen', 'pig', 'bat', 'rat', 'fox'].map((noun) => ({
    ...{ clean: `a ${noun} ran`, patch: `a ${noun} sat`, answer: 'u', wrong: 'v' },
  }));
  writeFileSync(at('two.json'), JSON.stringify({ name: 'two', examples }));
  const model = tinyLlama(0, { layers: 3, width: 32, mlpWidth: 48 });
  const shape = { site, width: 32, features: 48, k: 4 };
  await saveDictionary(at('dictionary'), randomDictionary(random(1), shape, model.hash));
});

describe('untangle edit', () => {
  test('make, show, apply: a head scaled and features removed, one after the other', async () => {
    const out = at('both.json');
    await untangle(
      'make',
      'scale',
      ...tiny,
      '--site',
      'blocks.0.attn.hook_z',
      '--head',
      '1',
      '--by',
      '0.5',
      '--out',
      out,
    );
    const args = ['--dictionary', at('dictionary'), '--features', '3', '9', '--strength', '0.5', '--append'];
    const made = await json('make', 'zero', ...tiny, ...args, '--out', out);
    expect(made.changes).toEqual([
      { kind: 'scale', site: 'blocks.0.attn.hook_z', strength: 1 },
      { kind: 'zero', site, strength: 0.5, features: 2 },
    ]);
    const shown = await json('show', out, ...tiny);
    expect(shown.changes.map((c: { folds: boolean }) => c.folds)).toEqual([true, false]);
    expect(shown.changes[1].why).toContain('encoder');
    expect((await untangle('show', out)).out).toContain('features 3 9');
    const applied = await json('apply', out, ...tiny, '--prompt', 'abc', '--top', '3');
    expect(applied.before).toHaveLength(3);
    expect(applied.after).not.toEqual(applied.before);
    const same = await json('apply', out, ...tiny, '--prompt', 'abc', '--factor', '0');
    expect(same.after).toEqual(same.before);
  });

  test('make: means and other rows come from plain text, concepts from a task', async () => {
    const of = async (kind: string, ...args: string[]) => {
      const out = at(`${kind}.json`);
      const plain = kind === 'mean' || kind === 'resample' ? text : [];
      await untangle('make', kind, ...tiny, '--out', out, ...plain, ...args);
      return JSON.parse(readFileSync(out, 'utf8')).changes;
    };
    const [mean] = await of('mean', '--site', site, '--neurons', '0', '5');
    expect(mean.mean).toHaveLength(2);
    const [resample] = await of('resample', '--dictionary', at('dictionary'), '--features', '1', '2');
    expect(resample.rows.file ?? resample.rows[0].length).toBeDefined();
    const [leace] = await of('leace', '--site', site, '--task', task, '--examples', '3');
    expect(leace).toMatchObject({ kind: 'erase', method: 'leace', positions: { skipFirst: true } });
    const [features] = await of(
      'features',
      '--dictionary',
      at('dictionary'),
      '--task',
      task,
      '--examples',
      '3',
      '--count',
      '2',
    );
    expect(features).toMatchObject({ kind: 'zero', dictionary: 'dictionary', strength: 1 });
    expect(features.features.length).toBeLessThanOrEqual(2);
    const [neurons] = await of('neurons', '--site', site, '--task', task, '--examples', '3', '--count', '2');
    expect(neurons.neurons.length).toBeLessThanOrEqual(2);
    const concepts = ['--site', site, '--task', task, '--keep', at('two.json'), '--examples', '3'];
    const [bottleneck] = await of('bottleneck', ...concepts, '--residual', '0.5');
    expect(bottleneck).toMatchObject({ residual: 0.5, positions: { skipFirst: true } });
    expect([bottleneck.keep[0], bottleneck.keep.at(-1)]).toEqual([0, 1]);
    await expect(of('bottleneck', ...concepts, '--residual', '2')).rejects.toMatchObject({
      code: 'edit.file',
    });
    const foldable = ['--every-position', '--task', task, '--examples', '3'];
    await of('mean-difference', '--site', 'blocks.1.hook_mlp_out', ...foldable);
    const shown = await json('show', at('mean-difference.json'), ...tiny);
    expect(shown.changes[0].folds).toBe(true);
    const everywhere = await of('zero', '--site', 'residual-writes', '--strength', '0.1');
    expect(everywhere).toHaveLength(7);
  });

  test('export: a file that onnxruntime runs by itself, and folded weights', async () => {
    const edit = at('zero-head.json');
    await untangle('make', 'zero', ...tiny, '--site', 'blocks.1.attn.hook_z', '--head', '0', '--out', edit);
    const written = await json('export', edit, ...tiny, '--out', at('edited.onnx'));
    expect(written).toMatchObject({ folded: false, files: [at('edited.onnx')] });
    const folded = await json('export', edit, ...tiny, '--fold', '--out', at('folded.onnx'));
    expect(folded.folded).toBe(true);
    const tokens = new ort.Tensor('int64', BigInt64Array.of(1n, 2n, 3n), [1, 3]);
    const logits = [];
    for (const name of ['edited.onnx', 'folded.onnx']) {
      const session = await ort.InferenceSession.create(at(name));
      expect(session.inputNames).toEqual(['tokens']);
      logits.push((await session.run({ tokens })).logits!.data as Float32Array);
      await session.release();
    }
    for (const [i, v] of logits[0]!.entries()) expect(Math.abs(v - logits[1]![i]!)).toBeLessThan(1e-5);
    await untangle('export', edit, ...tiny, '--fold', '--out', at('folded'));
    expect(existsSync(at('folded', 'model.safetensors'))).toBe(true);
    await expect(untangle('export', edit, ...tiny, '--out', at('folded'))).rejects.toMatchObject({
      code: 'usage.options',
    });
  });

  test('evaluate: tasks, plain text and random edits; several edits give the effect matrix', async () => {
    const edit = at('leace-plural.json');
    const make = ['--task', task, '--examples', '3', '--site', site, '--out', edit];
    await untangle('make', 'leace', ...tiny, ...make);
    const args = [edit, ...tiny, ...text, '--tasks', task, '--on', task, '--examples', '3', '--draws', '2'];
    const found = await json('evaluate', ...args, '--plot', at('moved.svg'));
    expect(found.tasks).toHaveLength(1);
    expect(found.tasks[0]).toMatchObject({ task: 'plural', target: true });
    expect(found.text.random.kl.value).toBeGreaterThan(0);
    expect(readFileSync(at('moved.svg'), 'utf8')).toContain('share of the effect removed');
    const said = await untangle('evaluate', ...args);
    expect(said.out).toMatch(/effect removed[\s\S]*KL per token[\s\S]*mean ‖Δx‖/);
    const matrix = await json('evaluate', ...args, '--tasks', task, at('two.json'), '--matrix', 'leace');
    expect(matrix.matrix.concepts).toEqual(['plural', 'two']);
    expect(matrix.matrix.rows[0].behaviour).toHaveLength(2);
    expect(
      (await untangle('evaluate', ...args, '--tasks', task, at('two.json'), '--matrix', 'leace')).out,
    ).toContain('score');
    await expect(untangle('evaluate', edit, edit, ...tiny, '--on', task)).rejects.toMatchObject({
      code: 'usage.options',
    });
  });

  test('strengthen: gains beside random features', async () => {
    const args = ['--task', task, '--others', '--examples', '3', '--features', '2', '--draws', '1'];
    const base = [
      'strengthen',
      ...tiny,
      ...text,
      '--dictionaries',
      at('dictionary'),
      ...args.filter((a) => a !== '--others'),
    ];
    const found = await json(
      ...base,
      '--others',
      task,
      '--gains',
      '1',
      '2',
      '--method',
      'attribution-patching',
      '--out',
      at('stronger.json'),
    );
    expect(found.features).toHaveLength(2);
    expect(found.rows.map((r: { gain: number }) => r.gain)).toEqual([1, 1, 2, 2]);
    expect([1, 2]).toContain(found.chosen.gain);
    expect((await json('show', at('stronger.json'), ...tiny)).changes).toEqual([
      {
        kind: 'zero',
        site,
        strength: -found.chosen.gain,
        features: 2,
        folds: false,
        why: expect.any(String),
      },
    ]);
  });

  test('usual tasks that the tokenizer cannot say are left out and told, named ones are refused', async () => {
    const few = ['--examples', '2', '--draws', '0', '--features', '1', '--gains', '1'];
    const base = ['strengthen', ...tiny, ...text, '--dictionaries', at('dictionary'), '--task', task, ...few];
    const effects = ['--method', 'attribution-patching'];
    const found = await json(...base, ...effects);
    const scored = found.baseline.others.map((one: { task: string }) => one.task);
    const left = found.left.map((one: { task: string }) => one.task);
    expect([...scored, ...left].sort()).toEqual(['agreement', 'gender', 'greater-than', 'indirect-object']);
    expect(found.left).toContainEqual({
      task: 'indirect-object',
      why: expect.stringContaining('equal length'),
    });
    await expect(untangle(...base, ...effects, '--others', 'indirect-object')).rejects.toMatchObject({
      code: 'task.too-few-examples',
      where: 'indirect-object',
    });
    const edit = at('half.json');
    await untangle('make', 'scale', ...tiny, '--site', site, '--by', '0.5', '--out', edit);
    const meant = ['--on', task, '--examples', '2', '--draws', '0'];
    const said = await untangle('evaluate', edit, ...tiny, ...text, ...meant);
    expect(said.out).toMatch(
      /plural \(meant\)[\s\S]*not scored: pronoun: [\s\S]*not scored: indirect-object: /,
    );
  });

  test('says what is wrong', async () => {
    const bad = (...args: string[]) => untangle('make', ...args, ...tiny, '--out', at('bad.json'));
    await expect(bad('zero')).rejects.toMatchObject({ code: 'usage.options' });
    await expect(bad('zeros', '--site', site)).rejects.toMatchObject({ code: 'usage.options' });
    await expect(bad('zeros')).rejects.toMatchObject({ message: '"zeros" is no kind of edit' });
    await expect(bad('steer', '--site', 'nosite', '--task', 'agreement')).rejects.toMatchObject({
      code: 'model.unknown-site',
      hint: expect.not.stringContaining('ints:'),
    });
    await expect(bad('scale', '--site', site, '--by', '1000')).rejects.toMatchObject({
      code: 'edit.strength',
    });
    await expect(bad('zero', '--site', 'blocks.9.hook_resid_post')).rejects.toMatchObject({
      code: 'model.unknown-site',
    });
    expect(existsSync(at('bad.json'))).toBe(false);
  });
});
