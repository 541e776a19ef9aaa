/** @file `untangle circuit …` as a user runs it, on a tiny random model with random dictionaries. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { program } from '../../src/cli/program.ts';
import { writeMiniature, writeMiniatureDictionaries } from '../support/miniature.ts';
import { fakeIo } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'circuit-cli-'));
const at = (...parts: string[]) => join(folder, ...parts);
const oracle = (name: string) => join(import.meta.dirname, '..', 'oracles', name);

/** Runs one command in this process. */
async function untangle(...args: string[]) {
  const { io, said } = fakeIo(false);
  await program(io).parseAsync(['circuit', ...args], { from: 'user' });
  return said;
}
const json = async (...args: string[]) => JSON.parse((await untangle(...args, '--json', '--quiet')).out);

const find = (...more: string[]) => [
  ...['find', '--model', 'random-tiny', '--task', at('plural.json'), '--dictionaries', at('dictionaries')],
  ...['--method', 'midpoint-2', '--max-nodes', '20', '--no-neurons', '--threads', '1', '--out', at('found')],
  ...more,
];

beforeAll(async () => {
  writeMiniature(folder);
  await writeMiniatureDictionaries(at('dictionaries'));
});

describe('find and show', () => {
  test('finds a circuit, keeps it, draws it, and does not find it again', async () => {
    const said = await untangle(...find('--plot', at('circuit.svg')));
    expect(said.out).toContain('faithfulness');
    expect(said.out).toContain(`Written: ${at('found')}`);
    expect(readFileSync(at('circuit.svg'), 'utf8')).toContain('<svg');
    const again = await json(...find());
    expect(again.kept).toBe(true);
    expect(again.circuit.nodes.length).toBeGreaterThan(20);
    const other = await json(...find('--seed', '4'));
    expect(other.kept).toBe(false);
    const shown = await untangle('show', at('found'), '--top', '3');
    expect(shown.out).toMatch(/blocks\.[01]\.hook_resid_post/);
  });

  test.each([
    [['--task', 'plurals'], 'task.unknown'],
    [['--method', 'middle-10'], 'circuit.unknown-rule'],
    [['--dictionaries', '/nowhere'], 'file.missing'],
  ])('%s is an error with a code', async (change, code) => {
    await expect(untangle(...find('--out', at('other'), ...change))).rejects.toMatchObject({ code });
  });
});

describe('compare, export, import', () => {
  test('a circuit compared with itself shares all its nodes', async () => {
    const same = await json('compare', at('found'), at('found'));
    expect(same.jaccard).toBe(1);
    expect(same.onlyA).toEqual([]);
    const said = await untangle('compare', at('found'), at('found'), '--plot', at('same.svg'));
    expect(said.out).toContain('Jaccard');
    expect(readFileSync(at('same.svg'), 'utf8')).toContain('<svg');
  });

  test.each(['neuronpedia', 'graphml'])('%s comes back with the same nodes and edges', async (format) => {
    const file = at(`graph.${format === 'graphml' ? 'graphml' : 'json'}`);
    expect(await json('export', at('found'), '--format', format, '--out', file)).toEqual({
      format,
      files: [file],
    });
    const graph = await json('import', file);
    const { circuit } = await json('show', at('found'));
    expect(graph.nodes.map((n: { id: string }) => n.id)).toEqual(
      circuit.nodes.map((n: { id: string }) => n.id),
    );
    expect(graph.edges).toEqual(circuit.edges);
    expect(graph.notes).toEqual([]);
  });

  test('circuit-tracer gets a folder, Graphviz a file', async () => {
    const { files } = await json('export', at('found'), '--format', 'circuit-tracer', '--out', at('ct'));
    expect(files).toEqual([at('ct', 'plural.json'), at('ct', 'graph-metadata.json')]);
    const index = JSON.parse(readFileSync(files[1], 'utf8'));
    expect(index.graphs[0].slug).toBe('plural');
    await untangle('export', at('found'), '--format', 'dot', '--out', at('g.dot'));
    expect(readFileSync(at('g.dot'), 'utf8')).toMatch(/^digraph "plural"/);
  });

  test('a graph of circuit-tracer is shown, drawn and converted', async () => {
    const { written } = JSON.parse(readFileSync(oracle('circuit-tracer.json'), 'utf8'));
    writeFileSync(at('foreign.json'), JSON.stringify(written));
    const said = await untangle(
      'import',
      at('foreign.json'),
      '--plot',
      at('foreign.svg'),
      '--format',
      'dot',
      '--out',
      at('f.dot'),
    );
    expect(said.out).toContain('2 features, 2 error nodes, 1 tokens, 1 outputs, 6 edges');
    expect(said.err).toContain('3 links name an id');
    expect(readFileSync(at('foreign.svg'), 'utf8')).toContain('<svg');
    expect(readFileSync(at('f.dot'), 'utf8')).toContain('3_-1_5');
    expect(
      (await untangle('export', at('foreign.json'), '--format', 'graphml', '--out', at('f.graphml'))).out,
    ).toContain('f.graphml');
  });

  test.each([
    [['show', 'foreign.json'], 'circuit.not-a-circuit'],
    [['show', 'nothing'], 'file.missing'],
    [['import', 'plural.json'], 'circuit.graph-form'],
    [['import', 'mini.yaml'], 'circuit.graph-form'],
    [['export', 'found', '--features', 'nothing'], 'usage.invalid-value'],
  ])('%s is an error with a code', async ([command, path, ...rest], code) => {
    await expect(untangle(command!, at(path!), ...rest)).rejects.toMatchObject({ code });
  });
});

test('clusters places in a text', async () => {
  const args = [
    'cluster',
    '--model',
    'random-tiny',
    '--dictionaries',
    at('dictionaries'),
    '--text',
    at('texts'),
  ];
  // A random model is sure of nothing: all places are taken.
  const sizes = ['--count', '40', '--length', '12', '--below', '100', '--clusters', '3', '--resamples', '2'];
  const found = await json(...args, ...sizes, '--out', at('clusters.json'));
  expect(found.clustering.clusters).toHaveLength(3);
  expect(found.contexts).toHaveLength(40);
  expect(JSON.parse(readFileSync(at('clusters.json'), 'utf8'))).toEqual(found);
  const said = await untangle(...args, ...sizes, '--method', 'dense-k-means');
  expect(said.out).toContain('by dense-k-means');
  await expect(untangle(...args, '--below', '1e-9', '--length', '12', '--count', '5')).rejects.toMatchObject({
    code: 'circuit.no-contexts',
  });
});
