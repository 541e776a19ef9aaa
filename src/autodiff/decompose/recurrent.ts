/** @file LSTM, GRU and RNN layers taken apart: unrolled over a sequence of known length (ONNX, LSTM/GRU/RNN). */
import { intAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';
import { notTakenApart } from './refuse.ts';

/** State of a layer at one step: hidden, and for LSTM the cell. */
type State = readonly string[];

/** What one direction of a layer computes at one step. */
interface Cell {
  /** Gates per hidden unit in W, R and B. */
  readonly gates: number;
  readonly activations: readonly string[];
  /** New state from x·Wᵀ [B, gates·H], the old state, Rᵀ [H, gates·H] and the biases [gates·H]. */
  step(c: Step): State;
}

interface Step {
  readonly e: Emitter;
  readonly node: Node;
  readonly x: string;
  readonly state: State;
  readonly Rt: string;
  readonly biasW: string | undefined;
  readonly biasR: string | undefined;
  /** Columns of gate `i` of a value [..., gates·H]. */
  gate(value: string, i: number): string;
}

const plus = (e: Emitter, ...terms: (string | undefined)[]): string =>
  terms.filter((t) => t !== undefined).reduce((a, b) => e.add(a!, b!))!;

/** Hochreiter & Schmidhuber 1997; gates in the order i, o, f, c. */
const lstm: Cell = {
  gates: 4,
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  step({ e, node, x, state: [h, c], Rt, biasW, biasR, gate }) {
    if (node.inputs[7]) throw notTakenApart(node, 'peepholes');
    if (intAttribute(node, 'input_forget', 0) === 1) throw notTakenApart(node, 'coupled gates');
    const all = plus(e, x, e.op('MatMul', [h!, Rt]), biasW, biasR);
    const [i, o, f] = [0, 1, 2].map((k) => e.op('Sigmoid', [gate(all, k)]));
    const proposed = e.op('Tanh', [gate(all, 3)]);
    const cell = e.add(e.mul(f!, c!), e.mul(i!, proposed));
    return [e.mul(o!, e.op('Tanh', [cell])), cell];
  },
};

/** Cho et al. 2014, arXiv:1406.1078; gates in the order z, r, h. */
const gru: Cell = {
  gates: 3,
  activations: ['Sigmoid', 'Tanh'],
  step({ e, node, x, state: [h], Rt, biasW, biasR, gate }) {
    const input = plus(e, x, biasW);
    const back = plus(e, e.op('MatMul', [h!, Rt]), biasR);
    const [z, r] = [0, 1].map((k) => e.op('Sigmoid', [e.add(gate(input, k), gate(back, k))]));
    const reset =
      intAttribute(node, 'linear_before_reset', 0) === 1
        ? e.mul(r!, gate(back, 2))
        : plus(e, e.op('MatMul', [e.mul(r!, h!), gate(Rt, 2)]), biasR && gate(biasR, 2));
    const proposed = e.op('Tanh', [e.add(gate(input, 2), reset)]);
    // (1 − z)·proposed + z·h
    return [e.add(proposed, e.mul(z!, e.sub(h!, proposed)))];
  },
};

const rnn: Cell = {
  gates: 1,
  activations: ['Tanh'],
  step: ({ e, x, state: [h], Rt, biasW, biasR }) => [
    e.op('Tanh', [plus(e, x, e.op('MatMul', [h!, Rt]), biasW, biasR)]),
  ],
};

/** One entry of axis 0, without the axis. */
const entry = (e: Emitter, x: string, i: number): string =>
  e.op('Squeeze', [e.op('Slice', [x, e.ints(i), e.ints(i + 1), e.ints(0)]), e.ints(0)]);

const stacked = (e: Emitter, values: readonly string[], axis: number): string => {
  const apart = values.map((v) => e.op('Unsqueeze', [v, e.ints(axis)]));
  return apart.length === 1 ? apart[0]! : e.op('Concat', apart, { axis: { int: axis } });
};

function unroll(e: Emitter, node: Node, cell: Cell): string[] {
  const [X, W, R, B, lengths] = node.inputs as [string, string, string, string?, string?];
  const states = node.op === 'LSTM' ? [node.inputs[5], node.inputs[6]] : [node.inputs[5]];
  checkUse(node, cell, lengths);
  const batchFirst = intAttribute(node, 'layout', 0) === 1;
  const swap = (x: string) => e.op('Transpose', [x], { perm: { ints: [1, 0, 2] } });
  const x_TBI = batchFirst ? swap(X) : X;
  const length = e.shape(x_TBI)[0]!;
  if (typeof length !== 'number') throw notTakenApart(node, `a sequence of the open length ${length}`);
  const H = Number(e.shape(R)[2]);
  const gate = (value: string, i: number) =>
    cell.gates === 1 ? value : e.op('Slice', [value, e.ints(i * H), e.ints((i + 1) * H), e.ints(-1)]);
  const direction = stringAttribute(node, 'direction', 'forward');
  const ways = direction === 'bidirectional' ? ['forward', 'reverse'] : [direction];
  const runs = ways.map((way, d) => {
    const transposed = (w: string) => e.op('Transpose', [entry(e, w, d)], { perm: { ints: [1, 0] } });
    const xW = e.op('MatMul', [x_TBI, transposed(W)]);
    const Rt = transposed(R);
    const bias = B ? entry(e, B, d) : undefined;
    const half = (i: number) =>
      bias && e.op('Slice', [bias, e.ints(i * cell.gates * H), e.ints((i + 1) * cell.gates * H), e.ints(0)]);
    const [biasW, biasR] = [half(0), half(1)];
    let state: State = states.map((initial) => start(e, initial, x_TBI, H, d, batchFirst));
    const order = [...Array(length).keys()];
    if (way === 'reverse') order.reverse();
    const outputs: string[] = [];
    for (const t of order) {
      state = cell.step({ e, node, x: entry(e, xW, t), state, Rt, biasW, biasR, gate });
      outputs[t] = state[0]!;
    }
    return { Y_TBH: stacked(e, outputs, 0), state };
  });
  const Y_TDBH = stacked(
    e,
    runs.map((run) => run.Y_TBH),
    1,
  );
  const last = states.map((_, i) =>
    stacked(
      e,
      runs.map((run) => run.state[i]!),
      0,
    ),
  );
  if (!batchFirst) return [Y_TDBH, ...last];
  return [e.op('Transpose', [Y_TDBH], { perm: { ints: [2, 0, 1, 3] } }), ...last.map(swap)];
}

/** The initial state of direction `d` [B, H]: the given one, or zeros. */
function start(
  e: Emitter,
  initial: string | undefined,
  x_TBI: string,
  H: number,
  d: number,
  batchFirst: boolean,
): string {
  if (initial) {
    const first = batchFirst ? e.op('Transpose', [initial], { perm: { ints: [1, 0, 2] } }) : initial;
    return entry(e, first, d);
  }
  const batch = e.op('Shape', [x_TBI], { start: { int: 1 }, end: { int: 2 } });
  const size = e.op('Concat', [batch, e.ints(H)], { axis: { int: 0 } });
  return e.op('Expand', [e.number(0, x_TBI), size]);
}

function checkUse(node: Node, cell: Cell, lengths: string | undefined): void {
  if (lengths) throw notTakenApart(node, 'lengths per example');
  if ('clip' in node.attributes) throw notTakenApart(node, 'clipping');
  const given = node.attributes.activations;
  const usual = cell.activations.map((a) => a.toLowerCase());
  const odd =
    given && 'strings' in given && given.strings.some((a, i) => a.toLowerCase() !== usual[i % usual.length]);
  if (odd) throw notTakenApart(node, 'other activations');
}

const rule = (cell: Cell): Rule => ({
  kind: 'lower',
  lower: (e, node) => unroll(e, node, cell),
  note: 'taken apart: unrolled; the length must be known, activations the usual ones',
});

export const recurrentRules: Readonly<Record<string, Rule>> = {
  LSTM: rule(lstm),
  GRU: rule(gru),
  RNN: rule(rnn),
};
