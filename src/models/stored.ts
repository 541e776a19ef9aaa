/** @file Where and how a foreign format keeps a weight: under another name, transposed, or as part of a fused tensor. */
import { sizeOf } from '../core/tensor.ts';
import type { ModelShape } from './types.ts';
import type { WeightSpec } from './weights.ts';

export interface Stored {
  readonly name: string;
  /** The format has [out, in] where we have [in, out]. */
  readonly transposed: boolean;
  /** The outputs of this weight among those of a fused tensor: output i is `first` + ⌊i/run⌋·step + i mod run. */
  readonly part?: {
    readonly of: number;
    readonly first: number;
    readonly run: number;
    readonly step: number;
  };
  /** Added to every number: Gemma's norms are stored as their difference from 1. */
  readonly add?: number;
  /** Heads whose rows llama.cpp reorders for its interleaved rotary embedding. */
  readonly rotaryHeads?: number;
}

/** Names of a format by ours: of the model, and of block i, whose names start with `blockPrefix` (`{i}` in it). */
export interface Names {
  readonly model: Readonly<Record<string, string>>;
  readonly blockPrefix: string;
  readonly block: Readonly<Record<string, string>>;
  /** Maps are stored [in, out] (GPT-2's Conv1D). */
  readonly straight?: boolean;
  /** Norms hold w − 1. */
  readonly normsFromOne?: boolean;
  /** Heads of Q and K are stored in llama.cpp's order. */
  readonly interleaved?: boolean;
}

/**
 * Looks a weight up. A name may end in `#` and the part of a fused tensor that the weight is: `Q`, `K`, `V` (one
 * after the other), `headQ`, `headK`, `headV` (one after the other within every head), `gate`, `in`.
 */
export function storedBy(names: Names, shape: ModelShape): (spec: WeightSpec) => Stored | undefined {
  return (spec) => {
    const inBlock = /^blocks\.(\d+)\.(.*)$/.exec(spec.name);
    const written = inBlock ? names.block[inBlock[2]!] : names.model[spec.name];
    if (written === undefined) return undefined;
    const [tail, part] = written.split('#') as [string, string | undefined];
    const name = inBlock ? names.blockPrefix.replace('{i}', inBlock[1]!) + tail : tail;
    const [, of] = /attn\.[Wb]_([QK])$/.exec(spec.name) ?? [];
    const stretched = /embeddings|patch/i.test(name) && spec.name === 'W_patch';
    return {
      name,
      transposed: spec.role === 'map' && (stretched || !names.straight),
      ...(part === undefined ? {} : { part: partOf(part, shape) }),
      ...(names.normsFromOne && spec.role === 'gain' ? { add: 1 } : {}),
      ...(names.interleaved && of ? { rotaryHeads: of === 'Q' ? shape.heads : shape.kvHeads } : {}),
    };
  };
}

function partOf(tag: string, shape: ModelShape): NonNullable<Stored['part']> {
  const { heads, kvHeads, headWidth, mlpWidth: M } = shape;
  const [Q, K] = [heads * headWidth, kvHeads * headWidth];
  const whole = (of: number, first: number, run: number) => ({ of, first, run, step: 0 });
  const within = (which: number) => ({
    of: 3 * Q,
    first: which * headWidth,
    run: headWidth,
    step: 3 * headWidth,
  });
  switch (tag) {
    case 'Q':
      return whole(Q + 2 * K, 0, Q);
    case 'K':
      return whole(Q + 2 * K, Q, K);
    case 'V':
      return whole(Q + 2 * K, Q + K, K);
    case 'headQ':
      return within(0);
    case 'headK':
      return within(1);
    case 'headV':
      return within(2);
    case 'gate':
      return whole(2 * M, 0, M);
    case 'in':
      return whole(2 * M, M, M);
    default:
      throw new Error(`no part "${tag}"`);
  }
}

/** A weight's own rows and columns as the format has them. A vector is one row. */
export function storedSize(spec: WeightSpec, stored: Stored): { rows: number; columns: number } {
  const [first, second] = spec.shape;
  if (second === undefined) return { rows: 1, columns: first! };
  return stored.transposed ? { rows: second, columns: first! } : { rows: first!, columns: second };
}

/** Rows and columns of the tensor that holds the weight. */
export function tensorSize(spec: WeightSpec, stored: Stored): { rows: number; columns: number } {
  const { rows, columns } = storedSize(spec, stored);
  if (!stored.part) return { rows, columns };
  return stored.transposed ? { rows: stored.part.of, columns } : { rows, columns: stored.part.of };
}

/** Whether a tensor of this shape can be the one: equal but for axes of size 1, and for how a row is laid out. */
export function fits(spec: WeightSpec, stored: Stored, shape: readonly number[]): boolean {
  const { rows, columns } = tensorSize(spec, stored);
  const axes = shape.filter((n) => n !== 1);
  if (sizeOf(shape) !== rows * columns) return false;
  if (rows === 1 || columns === 1) return axes.length <= 1;
  return axes[0] === rows && (axes.length === 2 || spec.name === 'W_patch');
}

/** Reads `count` rows of `columns` numbers of a whole tensor from row `from` on. */
export type ReadTensor = (
  name: string,
  columns: number,
  from: number,
  count: number,
  target: Float32Array,
) => void;

/**
 * Reads rows of a weight out of the tensor that holds it: its part alone, shifted where it is stored shifted. The
 * numbers of a vector are put into our order; rows of a map are where placeOfRow() says.
 */
export function readStored(
  spec: WeightSpec,
  stored: Stored,
  read: ReadTensor,
  from: number,
  count: number,
  target: Float32Array,
): void {
  const { name, part, transposed, add } = stored;
  const { columns } = storedSize(spec, stored);
  if (!part) read(name, columns, from, count, target);
  else if (transposed) readRows(part, read, stored.name, columns, from, count, target);
  else {
    const row = new Float32Array(part.of);
    for (let r = 0; r < count; r++) {
      read(name, part.of, from + r, 1, row);
      for (let c = 0; c < columns; c++) target[r * columns + c] = row[placeOf(part, c)]!;
    }
  }
  if (stored.rotaryHeads !== undefined && spec.shape.length === 1) {
    const values = target.slice(0, columns);
    for (let c = 0; c < columns; c++) target[placeOfRow(spec, stored, c)] = values[c]!;
  }
  if (add !== undefined) for (let i = 0; i < count * columns; i++) target[i]! += add;
}

const placeOf = ({ first, run, step }: NonNullable<Stored['part']>, i: number): number =>
  first + Math.floor(i / run) * step + (i % run);

/** Rows of a part, run by run. */
function readRows(
  part: NonNullable<Stored['part']>,
  read: ReadTensor,
  name: string,
  columns: number,
  from: number,
  count: number,
  target: Float32Array,
): void {
  for (let done = 0; done < count; ) {
    const at = from + done;
    const together = Math.min(count - done, part.run - (at % part.run));
    read(name, columns, placeOf(part, at), together, target.subarray(done * columns));
    done += together;
  }
}

/**
 * Which of our rows a stored row is. llama.cpp stores the rows of a Q or K head as (pair, half), we as (half,
 * pair): stored row 2i + a of a head is row a·headWidth/2 + i (convert_hf_to_gguf.py, `permute`).
 */
export function placeOfRow(spec: WeightSpec, stored: Stored, row: number): number {
  if (stored.rotaryHeads === undefined) return row;
  const headWidth = spec.shape.at(-1)! / stored.rotaryHeads;
  const within = row % headWidth;
  return row - within + (within % 2) * (headWidth / 2) + (within >> 1);
}
