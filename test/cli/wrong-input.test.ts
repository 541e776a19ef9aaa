/** @file What a user can get wrong on the command line is refused with a code, and never runs without end. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { program } from '../../src/cli/program.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { fakeIo, within } from './support.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const run = (...args: string[]) => within(['run', 'tiny', '--prompt', 'hi', ...args]);
const refused = (promise: Promise<unknown>, code: string, message = '') =>
  expect(promise).rejects.toMatchObject({ code, message: expect.stringContaining(message) });

describe('run', () => {
  test.each([
    [['--temperature', '1'], 'usage.options', '--generate'],
    [['--no-cache'], 'usage.options', '--generate'],
    [['--low-memory'], 'usage.options', '--input'],
    [['--threads', '100000'], 'commander.invalidArgument', 'or less'],
  ])('%s is refused', (args, code, message) => refused(run(...args), code, message));

  test('tensors for a language model are answered with the text that it reads', () =>
    expect(run('--input', 'x=1')).rejects.toMatchObject({
      code: 'usage.options',
      hint: expect.stringContaining('leave --input out'),
    }));

  test('a file where a folder would have to be made is named', async () => {
    writeFileSync(at('file'), '');
    await refused(
      run('--read', 'blocks.0.hook_resid_post', '--out', join(at('file'), 'x.npz')),
      'file.is-file',
      at('file'),
    );
  });

  test('an edit file without a version, and an edit that leaves no numbers', async () => {
    writeFileSync(at('object.json'), '{}');
    await refused(run('--edit', at('object.json')), 'edit.file', 'version: expected 2');
    const edit = at('steer.json');
    const site = 'blocks.0.hook_resid_post';
    await within([
      ...['edit', 'make', 'steer', '--model', 'tiny', '--out', edit, '--site', site],
      ...['--task', 'agreement', '--examples', '4'],
    ]);
    const apply = ['edit', 'apply', edit, '--model', 'tiny', '--prompt', 'hi', '--factor', '1e308'];
    await refused(within(apply), 'model.not-finite');
  });
});

test.each([
  'circuit find --dictionaries d --plot circuit.jpg',
  'circuit show c --plot circuit',
  'circuit compare a b --plot moved.pdf',
])('untangle %s: a name that is no picture is refused before anything runs', (line) =>
  refused(within(line.split(' ')), 'commander.invalidArgument', '.svg or .png'),
);

test('landmarks of a language model are refused: its sites have names that say what they are', () =>
  refused(within(['sites', 'tiny', '--landmarks']), 'usage.options'));

test('an architecture that is not there is answered with those that are', async () => {
  const train = ['train', '--model', 'tiny', '--site', 'blocks.0', '--set', 'architecture=topq'];
  await expect(within([...train, '--workspace', at('w')])).rejects.toMatchObject({
    code: 'study.invalid',
    message: 'dictionaries.0.architecture: there is no "topq"',
    hint: expect.stringMatching(/did you mean "topk"\? Known are (?!.*undefined).*matryoshka/),
  });
  expect(existsSync(at('w'))).toBe(false);
});

test('windows longer than the model reads, and more masks than can be run, are refused', async () => {
  const mean = ['edit', 'make', 'mean', '--model', 'tiny', '--site', 'blocks.0.hook_resid_post'];
  await refused(within([...mean, '--out', at('m.json'), '--length', '99999']), 'model.too-long');
  await refused(within(['energy', 'ensemble', '--masked', '60']), 'commander.invalidArgument', '16 or less');
});

test('windows as long as the model reads are read, one token more is refused', async () => {
  const learn = ['energy', 'importance', '--model', 'tiny', '--learn', '--site', 'blocks.1', '--steps', '2'];
  const few = [...learn, '--features', '8', '--sample', '2', '--windows', '1', '--workspace', at('long')];
  expect(await within([...few, '--length', '256'])).toContain('activations');
  await refused(within([...few, '--length', '257']), 'model.too-long');
});

test('a method that chooses its steps ends where the time is out of reach', async () => {
  const compare = ['mechanics', 'compare', 'pendulum', '--only', 'dormand-prince', '--budget', '10'];
  const [row] = JSON.parse(await within([...compare, '--time', '1e300', '--json']));
  expect(row.failed).toContain('inner steps');
});

test('a phase that the closed form has nowhere on the grid is no distance', async () => {
  const phases = ['superposition', 'phases', '--points', '1', '--steps', '2', '--seeds', '1'];
  expect(await within(phases)).not.toContain('Infinity');
});

test.each([
  ['energy', 'energy circuit --model nothing-such'],
  ['bias', 'study bias --model nothing-such'],
])('a file where the folder of results must be, %s, is met before the work', async (name, line) => {
  const workspace = temporaryFolder();
  writeFileSync(join(workspace, name), '');
  await refused(within([...line.split(' '), '--workspace', workspace]), 'file.is-file', name);
});

describe('a workspace that cannot be is refused by every command before it does anything', () => {
  writeFileSync(at('no-folder'), '');
  const withWorkspace = (command: Command): Command[] => [
    ...(command.options.some(({ long }) => long === '--workspace') ? [command] : []),
    ...command.commands.flatMap(withWorkspace),
  ];
  const path = (command: Command): string[] =>
    command.parent ? [...path(command.parent), command.name()] : [];
  const names = withWorkspace(program(fakeIo(false).io)).map((command) => path(command).join(' '));

  test('there are such commands', () => expect(names).toContain('energy importance'));

  test.each(names)('%s', async (name) => {
    const command = withWorkspace(program(fakeIo(false).io)).find((one) => path(one).join(' ') === name)!;
    const needed = command.options.filter((option) => option.mandatory && option.defaultValue === undefined);
    const args = [
      ...path(command),
      ...command.registeredArguments.filter((argument) => argument.required).map(() => 'x'),
      ...needed.flatMap((option) => [option.long!, option.argChoices?.[0] ?? 'x']),
    ];
    const where = at('no-folder/w');
    await expect(within([...args, '--workspace', where])).rejects.toMatchObject({
      code: 'file.missing',
      where,
      message: expect.stringContaining('a part of the path is not a folder'),
      hint: expect.stringMatching(/./),
    });
  });
});

describe('an option that would change nothing is refused before anything runs', () => {
  const make = (kind: string, ...args: string[]) => [
    'edit',
    'make',
    kind,
    '--model',
    'tiny',
    '--out',
    at('e.json'),
    ...args,
  ];
  const site = ['--site', 'blocks.0.hook_resid_post'];
  test.each([
    ['superposition train --picture gram', '--plot'],
    ['mechanics run pendulum --picture energy', '--plot'],
    ['energy budget --picture leaks', '--plot'],
    ['energy sequence --picture drift', '--plot'],
    ['energy importance --picture rankings', '--plot'],
    ['energy circuit --picture motion', '--plot'],
    ['energy ensemble --picture heat', '--plot'],
    ['energy learning --picture barrier', '--plot'],
    ['energy learning --method adam', '--picture energies'],
    ['energy learning --method adam --picture barrier --plot x.svg', '--picture energies'],
    ['energy budget --model tiny --dictionaries d --study s.yaml', 'without --model'],
    ['energy importance --task gender', '--on task'],
    ['energy importance --on task --windows 3', '--on text'],
    ['energy importance --on task --text x', '--on text or --learn'],
    ['circuit import graph.json --out x', '--format'],
    ['circuit export c --format dot --source-set res', '--format neuronpedia'],
    ['circuit export c --format graphml --features a=b', '--format neuronpedia'],
    ['edit export e.json --out folder --fold --external', 'without --fold'],
    ['edit evaluate e.json --dictionary d', '--matrix features'],
    ['edit evaluate e.json --aim 0.3', '--matrix'],
    ['edit evaluate e.json --windows 0 --length 9', '--windows above 0'],
    ['study bias --dictionary d --seeds 2', 'without --dictionary'],
    ['dictionaries show test/fixtures/dictionaries/saelens-topk --output-site blocks.1', 'what it reads'],
    ['dictionaries show test/fixtures/dictionaries/saelens-topk --target-layer 2', 'no cross-layer'],
    ['dictionaries import test/fixtures/dictionaries/saelens-topk --refresh --out x', 'lies on this machine'],
    ['dictionaries export d --format sparsify --out x --model-name gpt2', '--format saelens'],
    ['run tiny --prompt hi --out x.npz', '--read'],
    ['run tiny --prompt hi --generate 2 --top 3', '--prompt without --generate'],
    ['run net.onnx --input x=1 --edit e.json', 'without --input'],
    ['run net.onnx --input x=1 --top-k 2', 'without --input'],
  ])('untangle %s', (line, to) => refused(within(line.split(' ')), 'usage.options', to));

  test.each([
    [make('zero', ...site, '--by', '2'), 'scale, steer'],
    [make('scale', ...site, '--by', '2', '--unit', 'norm'), 'steer'],
    [make('zero', ...site, '--task', 'agreement'), 'leace'],
    [make('zero', ...site, '--windows', '3'), 'mean, resample'],
    [make('leace', ...site, '--task', 'agreement', '--head', '3'), 'not fitted to a task'],
    [make('zero', ...site, '--features', '3'), '--dictionary'],
    [make('steer', ...site, '--task', 'agreement', '--vector', 'v.npz:v'), 'without --task'],
    [make('steer', ...site, '--vector', 'v.npz:v', '--examples', '3'), '--task'],
    [make('features', ...site, '--dictionary', 'd', '--task', 'agreement'), 'not of the kind features'],
    [make('neurons', ...site, '--task', 'agreement', '--rank', '2'), 'subspace'],
  ])('%j', (args, to) => refused(within(args), 'usage.options', to));
});
