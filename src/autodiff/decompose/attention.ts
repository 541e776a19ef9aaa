/** @file Fused attention layers taken apart: onnxruntime's Attention, MultiHeadAttention, GroupQueryAttention, ONNX 23's. */
import { floatAttribute, intAttribute, intsAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';

import { sizeOfAxis } from '../shaping.ts';
import { attend, joinHeads, splitHeads, withPast } from './attention-core.ts';
import { notTakenApart } from './refuse.ts';
import { positionsFrom, tableRows, turned } from './rotary.ts';

/** Input `i` where it is there. */
const given = (node: Node, i: number): string | undefined => node.inputs[i] || undefined;

function scaleOf(node: Node, width: number): number {
  const scale = floatAttribute(node, 'scale', 0);
  return scale === 0 ? 1 / Math.sqrt(width) : scale;
}

const lastSize = (e: Emitter, x: string): number => Number(e.shape(x).at(-1));

/**
 * The padding mask of onnxruntime's layers as something to add to scores: int32 [B, T] (0 hides a key), [B, S, T],
 * or [B] (number of keys that count).
 */
function paddingBias(e: Emitter, node: Node, mask: string, length: string, like: string): string {
  const filter = floatAttribute(node, 'mask_filter_value', -10_000);
  const rank = e.shape(mask).length;
  let kept = mask;
  if (rank === 1) {
    if (e.shape(mask)[0] !== e.shape(like)[0]) throw notTakenApart(node, 'a mask of starts and ends');
    const places = positionsFrom(e, e.ints(0), length);
    const counts = e.op('Unsqueeze', [e.cast(mask, 'int64'), e.ints(1)]);
    kept = e.op('Less', [places, counts]);
  } else if (rank > 3) throw notTakenApart(node, `a mask of ${rank} axes`);
  const dtype = e.type(like).dtype;
  const hidden = e.sub(e.scalar(1, dtype), e.cast(kept, dtype));
  const bias = e.mul(hidden, e.scalar(filter, dtype));
  return e.op('Unsqueeze', [bias, rank === 3 ? e.ints(1) : e.ints(1, 2)]);
}

/** Slices [from, to) of the last axis. */
const columns = (e: Emitter, x: string, from: number, to: number): string =>
  e.op('Slice', [x, e.ints(from), e.ints(to), e.ints(-1)]);

/** (input, weights, bias?, mask?, past?, attention_bias?): projects, then attends. */
const attention: Rule = {
  kind: 'lower',
  lower(e, node) {
    const [x, W] = node.inputs as [string, string];
    const heads = intAttribute(node, 'num_heads', 1);
    if (intAttribute(node, 'do_rotary', 0) === 1) throw notTakenApart(node, 'rotary embedding inside');
    const all = lastSize(e, W);
    const [Q, K, V] = intsAttribute(node, 'qkv_hidden_sizes') ?? [all / 3, all / 3, all / 3];
    const product = e.op('MatMul', [x, W]);
    const bias = given(node, 2);
    const qkv = bias ? e.add(product, bias) : product;
    const split = (from: number, size: number) => splitHeads(e, columns(e, qkv, from, from + size), heads);
    const q = split(0, Q!);
    const past = given(node, 4);
    const pastPart = (i: number) =>
      past && e.op('Squeeze', [e.op('Slice', [past, e.ints(i), e.ints(i + 1), e.ints(0)]), e.ints(0)]);
    const k = withPast(e, pastPart(0), split(Q!, K!));
    const v = withPast(e, pastPart(1), split(Q! + K!, V!));
    const [mask, added] = [given(node, 3), given(node, 5)];
    const causal = intAttribute(node, 'unidirectional', 0) === 1;
    const { z } = attend(
      e,
      { q, k, v, heads, kvHeads: heads },
      {
        scale: scaleOf(node, Q! / heads),
        added: [
          ...(mask ? [paddingBias(e, node, mask, sizeOfAxis(e, k, 2), x)] : []),
          ...(added ? [added] : []),
        ],
        ...(causal ? { causalOffset: e.sub(sizeOfAxis(e, k, 2), sizeOfAxis(e, q, 2)) } : {}),
      },
    );
    const both = node.outputs[1]
      ? e.op('Concat', [e.op('Unsqueeze', [k, e.ints(0)]), e.op('Unsqueeze', [v, e.ints(0)])], {
          axis: { int: 0 },
        })
      : '';
    return [joinHeads(e, z), both];
  },
  note: 'taken apart',
};

/** (query, key?, value?, bias?, key_padding_mask?, attention_bias?, past_key?, past_value?). */
const multiHead: Rule = {
  kind: 'lower',
  lower(e, node) {
    const heads = intAttribute(node, 'num_heads', 1);
    const [query, key, value, bias] = [node.inputs[0]!, given(node, 1), given(node, 2), given(node, 3)];
    if (!key || !value || e.shape(query).length !== 3) throw notTakenApart(node, 'packed inputs');
    const width = lastSize(e, query);
    const projected = (x: string, from: number) =>
      splitHeads(
        e,
        bias && e.shape(x).length === 3 ? e.add(x, columns(e, bias, from, from + lastSize(e, x))) : x,
        heads,
      );
    const q = projected(query, 0);
    const k = withPast(e, given(node, 6), projected(key, width));
    const v = withPast(e, given(node, 7), projected(value, 2 * width));
    const [mask, added] = [given(node, 4), given(node, 5)];
    const causal = intAttribute(node, 'unidirectional', 0) === 1;
    const attended = attend(
      e,
      { q, k, v, heads, kvHeads: heads },
      {
        scale: scaleOf(node, lastSize(e, q)),
        added: [
          ...(mask ? [paddingBias(e, node, mask, sizeOfAxis(e, k, 2), q)] : []),
          ...(added ? [added] : []),
        ],
        ...(causal ? { causalOffset: e.sub(sizeOfAxis(e, k, 2), sizeOfAxis(e, q, 2)) } : {}),
      },
    );
    return [joinHeads(e, attended.z), k, v, attended.scores];
  },
  note: 'taken apart',
};

/**
 * (query, key?, value?, past_key?, past_value?, seqlens_k, total_length, cos?, sin?, positions?, attention_bias?).
 * The past must be whole: as many keys as the run has behind it, for every example.
 */
const groupQuery: Rule = {
  kind: 'lower',
  lower(e, node) {
    const [heads, kvHeads] = [intAttribute(node, 'num_heads', 1), intAttribute(node, 'kv_num_heads', 1)];
    const [query, key, value] = [node.inputs[0]!, given(node, 1), given(node, 2)];
    const width = lastSize(e, query) / (key ? heads : heads + 2 * kvHeads);
    const part = (x: string | undefined, from: number, count: number) =>
      splitHeads(e, x ?? columns(e, query, from * width, (from + count) * width), count);
    let q = part(key ? query : undefined, 0, heads);
    let k = part(key, heads, kvHeads);
    const v = withPast(e, given(node, 4), part(value, heads + kvHeads, kvHeads));
    const past = given(node, 3);
    const behind = past ? sizeOfAxis(e, past, 2) : e.ints(0);
    if (intAttribute(node, 'do_rotary', 0) === 1) {
      const [cos, sin] = [node.inputs[7]!, node.inputs[8]!];
      const places = given(node, 9) ?? positionsFrom(e, behind, sizeOfAxis(e, q, 2));
      const interleaved = intAttribute(node, 'rotary_interleaved', 0) === 1;
      const [c, s] = [tableRows(e, cos, places), tableRows(e, sin, places)];
      q = turned(e, q, c, s, interleaved);
      k = turned(e, k, c, s, interleaved);
    }
    k = withPast(e, past, k);
    if (given(node, 11)) throw notTakenApart(node, 'a sink per head');
    const added = given(node, 10);
    const window = intAttribute(node, 'local_window_size', -1);
    const { z } = attend(
      e,
      { q, k, v, heads, kvHeads },
      {
        scale: scaleOf(node, width),
        softcap: floatAttribute(node, 'softcap', 0),
        added: added ? [added] : [],
        causalOffset: behind,
        ...(window > 0 ? { window } : {}),
        ...(intAttribute(node, 'smooth_softmax', 0) === 1 ? { sink: 0 } : {}),
      },
    );
    return [joinHeads(e, z), k, v];
  },
  note: 'taken apart',
};

/** ONNX 23: (Q, K, V, mask?, past_key?, past_value?). */
const standard: Rule = {
  kind: 'lower',
  lower(e, node) {
    const [Q, K, V] = node.inputs as [string, string, string];
    const flat = e.shape(Q).length === 3;
    const heads = flat ? intAttribute(node, 'q_num_heads', 1) : Number(e.shape(Q)[1]);
    const kvHeads = flat ? intAttribute(node, 'kv_num_heads', heads) : Number(e.shape(K)[1]);
    const [mask, past, pastV] = [given(node, 3), given(node, 4), given(node, 5)];
    if (given(node, 6)) throw notTakenApart(node, 'a number of keys per example');
    const q = splitHeads(e, Q, heads);
    const k = withPast(e, past, splitHeads(e, K, kvHeads));
    const v = withPast(e, pastV, splitHeads(e, V, kvHeads));
    const isBool = mask !== undefined && e.type(mask).dtype === 'bool';
    const causal = intAttribute(node, 'is_causal', 0) === 1;
    const { z, scores, pattern } = attend(
      e,
      { q, k, v, heads, kvHeads },
      {
        scale: scaleOf(node, lastSize(e, q)),
        softcap: floatAttribute(node, 'softcap', 0),
        ...(mask ? (isBool ? { seen: [mask] } : { added: [mask] }) : {}),
        ...(causal ? { causalOffset: past ? sizeOfAxis(e, past, 2) : e.ints(0) } : {}),
      },
    );
    const shown = [scores, undefined, undefined, pattern][intAttribute(node, 'qk_matmul_output_mode', 0)];
    if (node.outputs[3] && !shown) throw notTakenApart(node, 'scores shown between mask and softmax');
    return [flat ? joinHeads(e, z) : z, k, v, shown];
  },
  note: 'taken apart',
};

export const attentionRules: Readonly<Record<string, Rule>> = {
  Attention: standard,
  'com.microsoft:Attention': attention,
  'com.microsoft:MultiHeadAttention': multiHead,
  'com.microsoft:GroupQueryAttention': groupQuery,
};
