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
    await refused(run('--out', join(at('file'), 'x.npz')), 'file.is-file', at('file'));
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
