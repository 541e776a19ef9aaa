/** @file What enters the first block: token, position and segment embeddings, or patches of an image. */
import { spanOf } from './cache.ts';
import { paddingMask } from './mask.ts';
import { norm } from './norm.ts';
import type { Parts } from './parts.ts';

/** The first residual state [batch, position, width] and the inputs it needs. */
export const embed = (parts: Parts): string =>
  parts.shape.kind === 'vision' ? embedImage(parts) : embedTokens(parts);

function embedTokens(parts: Parts): string {
  const { b, shape, scalar } = parts;
  const tokens = b.input('tokens', 'int64', ['batch', 'position']);
  const { embedScale, positionTable } = shape;
  const rows = b.op('Gather', ['W_E', tokens], { axis: { int: 0 } }, embedScale ? undefined : 'hook_embed');
  const words = embedScale ? b.op('Mul', [rows, scalar(embedScale)], {}, 'hook_embed') : rows;
  if (!positionTable) return words;
  if (shape.kind !== 'encoder') return b.op('Add', [words, positionRows(parts, words)]);

  const isText = b.op('Not', [
    b.op('Equal', [tokens, b.constant(scalarInt(shape.padding ?? -1), 'padding')]),
  ]);
  paddingMask(parts, isText);
  const places =
    positionTable.first > 0 ? countedRows(parts, isText, positionTable.first) : positionRows(parts, words);
  const placed = b.op('Add', [words, places]);
  const typed = shape.tokenTypes ? b.op('Add', [placed, segmentRows(parts, tokens)]) : placed;
  return norm(parts, 'embed.ln', typed);
}

const scalarInt = (value: number) =>
  ({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(value)) }) as const;

/** The rows of the table of positions, for every example: `hook_pos_embed`. */
function positionRows(parts: Parts, like: string): string {
  const { b } = parts;
  const { before, keys } = spanOf(parts, 0, like);
  const rows = b.op('Slice', ['W_pos', before, keys, b.ints(0)]);
  return b.op('Expand', [rows, b.op('Shape', [like])], {}, 'hook_pos_embed');
}

/** RoBERTa's positions: text is counted from `first` on, padding has the row before it. */
function countedRows({ b }: Parts, isText: string, first: number): string {
  const ones = b.op('Cast', [isText], { to: { int: 7 } });
  const counted = b.op('CumSum', [ones, b.constant(scalarInt(1), 'axis')]);
  const places = b.op('Add', [b.op('Mul', [counted, ones]), b.constant(scalarInt(first - 1), 'before')]);
  return b.op('Gather', ['W_pos', places], { axis: { int: 0 } }, 'hook_pos_embed');
}

/**
 * Value `token_types` int64 [batch, position]: 0 up to the first separator, 1 after it where the model knows
 * several kinds, as tokenizers of pairs give it. To say otherwise, make the value an input (feedAt).
 */
function segmentRows({ b, shape }: Parts, tokens: string): string {
  const { kinds, separator } = shape.tokenTypes!;
  const matched = b.constant(scalarInt(kinds > 1 ? (separator ?? -1) : -1), 'separator');
  const ends = b.op('Cast', [b.op('Equal', [tokens, matched])], { to: { int: 7 } });
  const endsBefore = b.op('CumSum', [ends, b.constant(scalarInt(1), 'axis')], { exclusive: { int: 1 } });
  const second = b.op('Greater', [endsBefore, b.constant(scalarInt(0), 'none')]);
  const notPadding = b.op('Not', [
    b.op('Equal', [tokens, b.constant(scalarInt(shape.padding ?? -1), 'padding')]),
  ]);
  const types = b.op('Cast', [b.op('And', [second, notPadding])], { to: { int: 7 } }, 'token_types');
  return b.op('Gather', ['W_type', types], { axis: { int: 0 } }, 'hook_token_type_embed');
}

/** Patches as rows through one map (Dosovitskiy et al. 2020, arXiv:2010.11929), a class token before them. */
function embedImage(parts: Parts): string {
  const { b, shape } = parts;
  const { size, patch, channels } = shape.image!;
  const side = size / patch;
  const pixels = b.input('pixels', 'float32', ['batch', channels, size, size]);
  const cut = b.op('Reshape', [pixels, b.ints(0, channels, side, patch, side, patch)]);
  const ordered = b.op('Transpose', [cut], { perm: { ints: [0, 2, 4, 1, 3, 5] } });
  const rows = b.op('Reshape', [ordered, b.ints(0, side * side, channels * patch * patch)]);
  const patches = b.op('Add', [b.op('MatMul', [rows, 'W_patch']), 'b_patch'], {}, 'hook_embed');
  const batch = b.op('Shape', [pixels], { start: { int: 0 }, end: { int: 1 } });
  const first = b.op('Expand', [
    'cls',
    b.op('Concat', [batch, b.ints(1, shape.width)], { axis: { int: 0 } }),
  ]);
  const all = b.op('Concat', [first, patches], { axis: { int: 1 } });
  return b.op('Add', [all, positionRows(parts, all)]);
}
