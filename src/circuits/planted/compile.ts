/** @file Networks compiled by hand: named wires on a residual stream, gates and heads that read and write them, noise on top. */
import type { Random } from '../../core/random.ts';
import { f32, type Tensor } from '../../core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../graph/build.ts';
import type { Network } from '../cuts.ts';
import type { Place } from '../places.ts';

/** Weights by the name of a wire. */
export type Wires = Readonly<Record<string, number>>;

/** A neuron: max(0, reads·x + bias), times gate·x where it has a gate, written to wires. */
export interface Gate {
  readonly reads: Wires;
  readonly bias?: number;
  readonly gate?: Wires;
  readonly writes: Wires;
  /** Part of the planted circuit; otherwise a distractor. */
  readonly planted: boolean;
}

/** A head of attention: scores are sharpness · Σ x_t[query] x_s[key] over its channels, causal; values move along wires. */
export interface Head {
  /** Channels of the score: a wire at the asking position and the wire at the asked one that it is compared with. */
  readonly compares: readonly { readonly query: string; readonly key: string }[];
  readonly sharpness: number;
  /** What is moved: from a wire at the asked position to a wire at the asking one. */
  readonly moves: readonly { readonly from: string; readonly to: string }[];
  /** Pairs [asking, asked] of positions between which the planted circuit moves something; none: a distractor. */
  readonly attends: readonly (readonly [number, number])[];
}

export interface Block {
  readonly heads?: readonly Head[];
  readonly gates?: readonly Gate[];
  /** Gates read what the block's heads read, not what they have written. */
  readonly parallel?: boolean;
}

/** A network in words. */
export interface Wiring {
  /** Every wire, one number of the stream each. */
  readonly wires: readonly string[];
  readonly positions: number;
  /** What each token puts on the wires. */
  readonly tokens: readonly Wires[];
  /** What each position puts on the wires. */
  readonly places?: readonly Wires[];
  readonly blocks: readonly Block[];
  /** Logits at the last position: wires and a constant each. */
  readonly answers: readonly { readonly reads: Wires; readonly bias?: number }[];
  /** Standard deviation of the normal noise on every weight that reads or writes the stream. */
  readonly noise: number;
}

/** Sites by block. */
export const sites = {
  embed: 'hook_embed',
  heads: (l: number) => `blocks.${l}.hook_attn_out`,
  gates: (l: number) => `blocks.${l}.hook_mlp_out`,
  stream: (l: number) => `blocks.${l}.hook_resid_post`,
};

/** The places of a wiring: the embedding, what heads and gates write, the stream after each block. */
export function placesOfWiring({ wires, blocks }: Wiring): Place[] {
  const width = wires.length;
  const place = (site: string, depth: number, complete: boolean): Place => ({ site, depth, width, complete });
  return [
    place(sites.embed, 0, true),
    ...blocks.flatMap(({ heads, gates }, l) => [
      ...(heads ? [place(sites.heads(l), l + 1 / 4, false)] : []),
      ...(gates ? [place(sites.gates(l), l + 3 / 4, false)] : []),
      place(sites.stream(l), l + 1, true),
    ]),
  ];
}

/** The network that a wiring describes, with its noise drawn from `chance`: tokens [batch, position] → logits. */
export function compile(wiring: Wiring, chance: Random): Network {
  const { wires, positions, tokens, blocks, answers } = wiring;
  const width = wires.length;
  const at = new Map(wires.map((name, i) => [name, i]));
  const column = (name: string): number => {
    const i = at.get(name);
    if (i === undefined) throw new RangeError(`the wiring has no wire "${name}"`);
    return i;
  };
  /** Rows of weights on wires as [rows, width], with noise. */
  const matrix = (rows: readonly Wires[], noise: number): Float32Array => {
    const m = Float32Array.from({ length: rows.length * width }, () => noise * chance.normal());
    rows.forEach((row, r) => {
      for (const [name, weight] of Object.entries(row)) m[r * width + column(name)]! += weight;
    });
    return m;
  };
  const b = graphBuilder();
  b.input('tokens', 'int64', ['batch', 'position']);
  const embedded = b.op('Gather', [
    b.weight('W_E', f32([tokens.length, width], matrix(tokens, 0))),
    'tokens',
  ]);
  const placed = wiring.places
    ? b.op('Add', [embedded, b.weight('W_pos', f32([positions, width], matrix(wiring.places, 0)))])
    : embedded;
  let stream = b.site(sites.embed, placed);
  const kit: Kit = { b, width, positions, matrix: (rows) => matrix(rows, wiring.noise) };
  blocks.forEach(({ heads, gates, parallel }, l) => {
    const before = stream;
    if (heads) stream = b.op('Add', [stream, attend(kit, heads, before, l)]);
    if (gates) stream = b.op('Add', [stream, fire(kit, gates, parallel ? before : stream, l)]);
    stream = b.site(sites.stream(l), stream);
  });
  const W_U = matrix(
    answers.map((a) => a.reads),
    wiring.noise,
  );
  const unembed = b.weight('W_U', f32([width, answers.length], turned(W_U, answers.length, width)));
  const bias = b.weight(
    'b_U',
    f32(
      [answers.length],
      answers.map((a) => a.bias ?? 0),
    ),
  );
  b.op('Add', [b.op('MatMul', [stream, unembed]), bias], {}, 'logits');
  return {
    graph: b.finish(['logits']),
    cuts: [sites.embed, ...blocks.map((_, l) => sites.stream(l))],
    width,
    places: placesOfWiring(wiring),
  };
}

interface Kit {
  readonly b: GraphBuilder;
  readonly width: number;
  readonly positions: number;
  readonly matrix: (rows: readonly Wires[]) => Float32Array;
}

/** [rows, columns] → [columns, rows]. */
const turned = (m: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: m.length }, (_, i) => m[(i % rows) * columns + Math.floor(i / rows)]!);

/** What the heads of a block write, summed. */
function attend({ b, width, positions, matrix }: Kit, heads: readonly Head[], x: string, l: number): string {
  const hidden = Float32Array.from({ length: positions * positions }, (_, i) =>
    i % positions > Math.floor(i / positions) ? -1e9 : 0,
  );
  const mask = b.constant(f32([positions, positions], hidden), 'mask');
  const written = heads.map(({ compares, moves, sharpness }, h) => {
    const map = (name: string, rows: readonly Wires[]) => {
      const weight = f32([width, rows.length], turned(matrix(rows), rows.length, width));
      return b.op('MatMul', [x, b.weight(`blocks.${l}.attn.${h}.${name}`, weight)]);
    };
    const q = map(
      'W_Q',
      compares.map((c) => ({ [c.query]: sharpness })),
    );
    const k = map(
      'W_K',
      compares.map((c) => ({ [c.key]: 1 })),
    );
    const v = map(
      'W_V',
      moves.map((m) => ({ [m.from]: 1 })),
    );
    const keys = b.op('Transpose', [k], { perm: { ints: [0, 2, 1] } });
    const scores = b.op('Add', [b.op('MatMul', [q, keys]), mask]);
    const pattern = b.op('Softmax', [scores], { axis: { int: -1 } }, `blocks.${l}.attn.${h}.hook_pattern`);
    const out: Tensor = f32([moves.length, width], matrix(moves.map((m) => ({ [m.to]: 1 }))));
    const z = b.op('MatMul', [pattern, v]);
    return b.op('MatMul', [z, b.weight(`blocks.${l}.attn.${h}.W_O`, out)]);
  });
  return b.site(
    sites.heads(l),
    written.reduce((sum, one) => b.op('Add', [sum, one])),
  );
}

/** What the gates of a block write. */
function fire({ b, width, matrix }: Kit, gates: readonly Gate[], x: string, l: number): string {
  const count = gates.length;
  const map = (name: string, rows: readonly Wires[]) =>
    b.op('MatMul', [
      x,
      b.weight(`blocks.${l}.mlp.${name}`, f32([width, count], turned(matrix(rows), count, width))),
    ]);
  const bias = b.weight(
    `blocks.${l}.mlp.b_in`,
    f32(
      [count],
      gates.map((g) => g.bias ?? 0),
    ),
  );
  let post = b.op('Relu', [
    b.op('Add', [
      map(
        'W_in',
        gates.map((g) => g.reads),
      ),
      bias,
    ]),
  ]);
  if (gates.some((g) => g.gate)) {
    // A neuron without a gate is multiplied by 1.
    const open = b.constant(
      f32(
        [count],
        gates.map((g) => (g.gate ? 0 : 1)),
      ),
      'open',
    );
    post = b.op('Mul', [
      post,
      b.op('Add', [
        map(
          'W_gate',
          gates.map((g) => g.gate ?? {}),
        ),
        open,
      ]),
    ]);
  }
  const out = b.weight(`blocks.${l}.mlp.W_out`, f32([count, width], matrix(gates.map((g) => g.writes))));
  return b.site(sites.gates(l), b.op('MatMul', [post, out]));
}
