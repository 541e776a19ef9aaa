/** @file Parts of tokenizer.json: objects with a `type`, read with care. */
import { z } from 'zod';

/** A normaliser, pre-tokenizer, model or decoder. */
export const part = z.looseObject({ type: z.string() });
export type Part = z.infer<typeof part>;

/** The parts of a sequence under `key`. */
export const partsOf = (of: Part, key: string): Part[] => z.array(part).parse(of[key]);

export const flag = (of: Part, key: string, otherwise: boolean): boolean => {
  const value = of[key];
  return typeof value === 'boolean' ? value : otherwise;
};

export const text = (of: Part, key: string): string => {
  const value = of[key];
  if (typeof value === 'string') return value;
  throw new TypeError(`${of.type} has no text "${key}"`);
};

/** No such part. */
export const unknownPart = (what: string, { type }: Part): TypeError =>
  new TypeError(`its ${what} "${type}" is not known`);
