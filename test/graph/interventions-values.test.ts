/** @file Interventions composed in any order come to what the same steps come to in plain numbers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { f32, f64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { checkGraph } from '../../src/graph/check-graph.ts';
import { read, standingAt } from '../../src/graph/interventions.ts';
import {
  addValue,
  projectOut,
  type Region,
  replaceValue,
  scaleValue,
  splice,
  spliceAcross,
} from '../../src/graph/interventions-values.ts';
import type { Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';

const [B, T, D] = [2, 3, 4];
const size = B * T * D;
type Numbers = readonly number[];

/** u = 2x + 1; v = u²; y = v + u: three sites [batch, position, 4]. */
function net(): Graph {
  const b = graphBuilder();
  b.input('x', 'float64', ['batch', 'position', D]);
  const one = b.constant(f64([], [1]));
  b.op('Add', [b.op('Add', ['x', 'x']), one], {}, 'u');
  b.op('Mul', ['u', 'u'], {}, 'v');
  b.op('Add', ['v', 'u'], {}, 'y');
  return b.finish(['y']);
}
/** The same net where every site's value goes through `at`. */
function plain(x: Numbers, at: (site: string, value: Numbers) => Numbers): Numbers {
  const moved = at('x', x);
  const u = at(
    'u',
    moved.map((value) => 2 * value + 1),
  );
  const v = at(
    'v',
    u.map((value) => value * value),
  );
  return v.map((value, i) => value + u[i]!);
}

async function run(graph: Graph, feeds: Record<string, Tensor>, name = 'y'): Promise<number[]> {
  checkGraph(graph);
  const session = await openSession(graph, { threads: 1 });
  const out = await session.run(feeds);
  await session.release();
  return Array.from(out[name]!.data as Float64Array);
}
const state = (values: Numbers) => f64([B, T, D], values);
const x0 = Array.from({ length: size }, (_, i) => Math.sin(3 * i + 1));

/** One step as data: what it does to the graph, and what it does to numbers. */
interface Step {
  readonly site: string;
  readonly where: Region;
  readonly graph: (graph: Graph) => Graph;
  readonly numbers: (value: Numbers) => Numbers;
}

const chosen = (where: Region, i: number): boolean => {
  const [example, position] = [Math.floor(i / (T * D)), Math.floor(i / D) % T];
  const on = (mask: unknown, at: number) => !mask || (mask as Tensor<'bool'>).data[at] === 1;
  return on(where.examples, example) && on(where.positions, position);
};
const bools = (n: number) => fc.array(fc.integer({ min: 0, max: 1 }), { minLength: n, maxLength: n });
const bool = (shape: number[], values: Numbers) => tensor('bool', shape, Uint8Array.from(values));
const region: fc.Arbitrary<Region> = fc
  .record({ examples: fc.option(bools(B)), positions: fc.option(bools(T)) })
  .map(({ examples, positions }) => ({
    ...(examples ? { examples: bool([B], examples) } : {}),
    ...(positions ? { positions: bool([T], positions) } : {}),
  }));
const number = fc.double({ min: -2, max: 2, noNaN: true });
const row = fc.array(number, { minLength: D, maxLength: D });
const masked = (where: Region, value: Numbers, f: (x: number, i: number) => number): Numbers =>
  value.map((v, i) => (chosen(where, i) ? f(v, i) : v));

const step: fc.Arbitrary<Step> = fc
  .record({
    site: fc.constantFrom('x', 'u', 'v'),
    where: region,
    kind: fc.constantFrom('replace', 'add', 'scale', 'project', 'splice'),
    row,
    by: number,
  })
  .map(({ site, where, kind, row, by }): Step => {
    const at = { site, where };
    switch (kind) {
      case 'replace':
        return {
          ...at,
          graph: (g) => replaceValue(g, site, f64([D], row), where),
          numbers: (value) => masked(where, value, (_, i) => row[i % D]!),
        };
      case 'add':
        return {
          ...at,
          graph: (g) => addValue(g, site, f64([D], row), where),
          numbers: (value) => masked(where, value, (v, i) => v + row[i % D]!),
        };
      case 'scale':
        return {
          ...at,
          graph: (g) => scaleValue(g, site, by, where),
          numbers: (value) => masked(where, value, (v) => v * by),
        };
      case 'project': {
        const direction = row.map((r, i) => (i === 0 ? r + 3 : r));
        const norm = direction.reduce((s, r) => s + r * r, 0);
        return {
          ...at,
          graph: (g) => projectOut(g, site, f64([1, D], direction), where),
          numbers: (value) =>
            masked(where, value, (v, i) => {
              const from = i - (i % D);
              const along = direction.reduce((s, r, d) => s + r * value[from + d]!, 0);
              return v - (along / norm) * direction[i % D]!;
            }),
        };
      }
      default:
        return {
          ...at,
          graph: (g) => splice(g, site, (b, value) => b.op('Tanh', [value]), where),
          numbers: (value) => masked(where, value, (v) => Math.tanh(v)),
        };
    }
  });

const close = (a: Numbers, b: Numbers) => {
  expect(a.length).toBe(b.length);
  const scale = Math.max(1, ...b.map(Math.abs));
  expect(Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / scale).toBeLessThan(1e-12);
};
const apply = (steps: readonly Step[], graph = net()) => steps.reduce((g, s) => s.graph(g), graph);

describe('composition', () => {
  test('any steps in any order: at each site they act one after the other, in the order they were asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const wanted = plain(x0, (site, value) =>
          steps.filter((s) => s.site === site).reduce((v, s) => s.numbers(v), value),
        );
        close(await run(apply(steps), { x: state(x0) }), wanted);
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  test('steps at different sites commute', async () => {
    const pair = fc.tuple(step, step).filter(([a, b]) => a.site !== b.site);
    await fc.assert(
      fc.asyncProperty(pair, async ([a, b]) => {
        const x = state(x0);
        expect(await run(apply([a, b]), { x })).toEqual(await run(apply([b, a]), { x }));
      }),
      { numRuns: 15, seed: 5 },
    );
  });

  test('steps at one site for disjoint examples commute, and each leaves the other examples alone', async () => {
    await fc.assert(
      fc.asyncProperty(row, number, async (delta, factor) => {
        const [first, second] = [
          [1, 0],
          [0, 1],
        ].map((m) => ({ examples: bool([B], m) })) as [Region, Region];
        const add = (g: Graph, where: Region = {}) => addValue(g, 'u', f64([D], delta), where);
        const scale = (g: Graph, where: Region = {}) => scaleValue(g, 'u', factor, where);
        const x = state(x0);
        const one = await run(scale(add(net(), first), second), { x });
        expect(await run(add(scale(net(), second), first), { x })).toEqual(one);
        const half = size / 2;
        expect(one.slice(0, half)).toEqual((await run(add(net()), { x })).slice(0, half));
        expect(one.slice(half)).toEqual((await run(scale(net()), { x })).slice(half));
      }),
      { numRuns: 10, seed: 6 },
    );
  });
});

describe('identities', () => {
  const x = state(x0);
  const nothing: [string, (g: Graph) => Graph][] = [
    ['add 0', (g) => addValue(g, 'u', 0)],
    ['scale by 1', (g) => scaleValue(g, 'u', 1)],
    ['replace by itself', (g) => replaceValue(g, 'v', { value: 'v' })],
    ['splice the identity', (g) => splice(g, 'u', (_b, value) => value)],
    ['splice v over v', (g) => spliceAcross(g, 'v', 'v', (_b, value) => value)],
    ['anything nowhere', (g) => replaceValue(g, 'u', 7, { positions: bool([T], [0, 0, 0]) })],
  ];
  test.each(nothing)('%s changes nothing', async (_name, change) => {
    expect(await run(change(net()), { x })).toEqual(await run(net(), { x }));
  });

  test('replacing forgets what was done before; adding twice adds the sum; projecting twice is projecting once', async () => {
    const replaced = replaceValue(net(), 'u', 3);
    expect(await run(replaceValue(scaleValue(net(), 'u', 9), 'u', 3), { x })).toEqual(
      await run(replaced, { x }),
    );
    const sum = await run(addValue(net(), 'u', 1.5), { x });
    expect(await run(addValue(addValue(net(), 'u', 0.5), 'u', 1), { x })).toEqual(sum);
    const directions = f64([2, D], [1, 2, 0, 1, 0, 1, -1, 1]);
    const once = await run(projectOut(net(), 'u', directions), { x });
    close(await run(projectOut(projectOut(net(), 'u', directions), 'u', directions), { x }), once);
  });

  test('projecting out leaves nothing along the directions, also when they depend on each other', async () => {
    const rows = [1, 2, 0, 1, 0, 1, -1, 1, 1, 3, -1, 2];
    const graph = projectOut(net(), 'u', f64([3, D], rows));
    const at = standingAt(graph, 'u');
    const u = await run(read(graph, [at]), { x }, at);
    for (let row = 0; row < 3; row++) {
      for (let from = 0; from < size; from += D) {
        const along = [0, 1, 2, 3].reduce((s, d) => s + rows[row * D + d]! * u[from + d]!, 0);
        expect(Math.abs(along)).toBeLessThan(1e-12);
      }
    }
  });
});

describe('what a run is fed', () => {
  test('operands and masks may be inputs: one session for all values and places', async () => {
    const graph = replaceValue(
      net(),
      'u',
      { input: 'u:new' },
      { examples: { input: 'which' }, positions: { input: 'where' } },
    );
    const session = await openSession(graph, { threads: 1 });
    const other = Array.from({ length: size }, (_, i) => i);
    for (const [which, where] of [
      [
        [1, 0],
        [0, 1, 1],
      ],
      [
        [1, 1],
        [1, 0, 0],
      ],
    ] as [number[], number[]][]) {
      const out = await session.run({
        x: state(x0),
        'u:new': state(other),
        which: bool([B], which),
        where: bool([T], where),
      });
      const region = { examples: bool([B], which), positions: bool([T], where) };
      const wanted = plain(x0, (site, value) =>
        site === 'u' ? masked(region, value, (_, i) => other[i]!) : value,
      );
      close(Array.from(out.y!.data as Float64Array), wanted);
    }
  });

  test('positions may lie on another axis, and any elements may be chosen', async () => {
    const last = scaleValue(net(), 'u', 0, { positions: bool([D], [0, 0, 0, 1]), positionAxis: 2 });
    const each = scaleValue(net(), 'u', 0, { elements: bool([1, 1, D], [0, 0, 0, 1]) });
    const wanted = plain(x0, (site, value) =>
      site === 'u' ? value.map((v, i) => (i % D === 3 ? 0 : v)) : value,
    );
    close(await run(last, { x: state(x0) }), wanted);
    close(await run(each, { x: state(x0) }), wanted);
  });

  test('a float32 tensor is taken at a float64 site', async () => {
    const graph = addValue(net(), 'u', f32([], [0.5]));
    close(await run(graph, { x: state(x0) }), await run(addValue(net(), 'u', 0.5), { x: state(x0) }));
  });
});

test.each([
  ['graph.shape', () => addValue(net(), 'u', f64([5], [1, 2, 3, 4, 5]))],
  ['graph.shape', () => addValue(net(), 'u', f64([1, 1, 1, D], [1, 2, 3, 4]))],
  ['graph.shape', () => projectOut(net(), 'u', f64([1, D], [0, 0, 0, 0]))],
  ['graph.unknown-site', () => scaleValue(net(), 'w', 1)],
  ['graph.unknown-site', () => spliceAcross(net(), 'w', 'v', (_b, x) => x)],
  ['graph.broken', () => replaceValue(net(), 'u', { value: 'y' })],
])('refuses with %s', (code, attempt) => {
  expect(attempt).toThrow(expect.objectContaining({ code }));
});
