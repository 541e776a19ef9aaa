/** @file Parts that the schemas of all kinds are made of; files that an edit names have been read before. */
import { z } from 'zod';
import { EditError } from '../../core/errors.ts';
import { f64, type Tensor } from '../../core/tensor.ts';
import type { AtFeatures, DictionaryAt, Numbers } from './types.ts';

const isNumbers = (value: unknown): value is Numbers =>
  typeof value === 'object' &&
  value !== null &&
  ['float32', 'float64'].includes(String((value as Partial<Tensor>).dtype)) &&
  ArrayBuffer.isView((value as Partial<Tensor>).data);

const row = z.array(z.number()).min(1);

/** A vector or a matrix: written out, or read from a file. */
export const numbers = z
  .union([
    z.custom<Numbers>(isNumbers, 'expected numbers'),
    row,
    z
      .array(row)
      .min(1)
      .refine((rows) => rows.every((r) => r.length === rows[0]!.length), 'expected rows of one length'),
  ])
  .transform((given): Numbers => {
    if (!Array.isArray(given)) return given;
    const [first] = given;
    return typeof first === 'number'
      ? f64([given.length], given as number[])
      : f64([given.length, (first as number[]).length], (given as number[][]).flat());
  });

const index = z.int().min(0);

const common = { strength: z.number().default(1) };

const positions = z.strictObject({
  skipFirst: z.literal(true),
  maxNorm: z.number().positive().optional(),
});

const dictionary = z.custom<DictionaryAt>(
  (value) => typeof value === 'object' && value !== null && 'dictionary' in value,
  'expected the folder of a dictionary',
);

/** A change of `kind` at a site, with what `data` says. */
export const atSite = <K extends string, D extends z.ZodRawShape>(kind: K, data: D) =>
  z.strictObject({
    kind: z.literal(kind),
    site: z.string(),
    head: index.optional(),
    positions: positions.optional(),
    ...common,
    ...data,
  });

/** The same at a site or some of its coordinates. */
export const atCoordinates = <K extends string, D extends z.ZodRawShape>(kind: K, data: D) =>
  atSite(kind, { neurons: z.array(index).min(1).optional(), ...data });

/** A change of `kind` on features. */
export const atFeatures = <K extends string, D extends z.ZodRawShape>(kind: K, data: D) =>
  z.strictObject({
    kind: z.literal(kind),
    dictionary,
    features: z.array(index).min(1),
    ...common,
    ...data,
  });

/** One number for all, or one for each. */
export const each = z.union([z.number(), z.array(z.number()).min(1)]);

/** @throws EditError `edit.vector` unless `given` has the length that a target of `size` coordinates needs */
export function vector(given: number | ArrayLike<number>, size: number, what: string): Float64Array {
  if (typeof given === 'number') return Float64Array.of(given);
  if (given.length === size) return Float64Array.from(given);
  throw new EditError('edit.vector', `${what} has ${given.length} numbers, ${size} are needed`, {
    hint:
      size === 0
        ? 'the site has no fixed width: choose another one, e.g. the residual stream'
        : 'give one number for each coordinate, head coordinate or feature that the change is about',
  });
}

/** A matrix [rows, columns]; a vector is one row. @throws EditError `edit.vector` */
export function matrix(
  given: Numbers,
  size: { readonly rows?: number; readonly columns?: number },
  what: string,
): { readonly rows: number; readonly columns: number; readonly data: Float64Array } {
  const [rows, columns] = given.shape.length === 1 ? [1, given.shape[0]!] : (given.shape as [number, number]);
  const fits =
    given.shape.length <= 2 &&
    (size.rows === undefined || size.rows === rows) &&
    (size.columns === undefined || size.columns === columns);
  if (fits) return { rows, columns, data: Float64Array.from(given.data) };
  throw new EditError(
    'edit.vector',
    `${what} is [${given.shape}], [${size.rows ?? 'any'}, ${size.columns ?? 'any'}] is needed`,
    { hint: 'give a matrix of that shape: rows and columns may have been exchanged' },
  );
}

export const transposed = (data: Float64Array, rows: number, columns: number): Float64Array => {
  const out = new Float64Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!;
  return out;
};

/** Decoder rows of chosen features, [n, D]. */
export function decoderRows({ dictionary: { dictionary: d }, features }: AtFeatures): Float64Array {
  const rows = new Float64Array(features.length * d.width);
  features.forEach((feature, i) => {
    rows.set(d.W_dec_FD.subarray(feature * d.width, (feature + 1) * d.width), i * d.width);
  });
  return rows;
}
