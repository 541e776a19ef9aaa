/** @file Every file format of dictionaries by name. */
import { circuitTracer } from './circuit-tracer.ts';
import { dictionaryLearning } from './dictionary-learning.ts';
import type { Entry, Format } from './format.ts';
import { gemmaScope } from './gemma-scope.ts';
import { saelens } from './saelens.ts';
import { sparsify } from './sparsify.ts';

export const formats = {
  saelens,
  dictionary_learning: dictionaryLearning,
  sparsify,
  'gemma-scope': gemmaScope,
  'circuit-tracer': circuitTracer,
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;

export const formatNames = Object.keys(formats) as FormatName[];

/** A dictionary among files, with its format. */
export interface Found extends Entry {
  readonly format: FormatName;
}

/** Every dictionary among the files of a folder or repository, by their names; of one format where one is given. */
export const findDictionaries = (paths: readonly string[], only?: FormatName): Found[] =>
  formatNames
    .filter((name) => only === undefined || name === only)
    .flatMap((format) => formats[format].find(paths).map((entry) => ({ ...entry, format })));
