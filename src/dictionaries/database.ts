/** @file The feature database: where each feature is active and what it promotes, as two Parquet files. */
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { throwIfAborted } from '../core/errors.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { temporaryName } from '../files/atomic.ts';
import type { Graph } from '../graph/types.ts';
import { encoder } from './encoder.ts';
import { FILES, quote } from './feature-files.ts';
import { type LogitEffects, logitEffects } from './logit-effects.ts';
import {
  entriesByFeature,
  type FeatureEntries,
  histogramOf,
  joinEntries,
  type RowPlaces,
  topPassages,
} from './passages.ts';
import type { Dictionary } from './types.ts';

export interface FeatureDatabaseInput {
  readonly dictionary: Dictionary;
  /** For direct logit effects; without it features promote nothing. */
  readonly graph?: Graph;
  readonly tokenizer: { token(id: number): string };
  /** Windows of equal length, with the document of each token. */
  readonly windows: readonly { readonly tokens: Int32Array; readonly documents: Int32Array }[];
  /** Title of each document. */
  readonly titles: readonly string[];
  /** Rows [N, D] of the dictionary's site, and where each lies. */
  readonly x_ND: Float32Array;
  readonly places: RowPlaces;
}

/** Tokens listed as promoted and as suppressed. */
const TOP_TOKENS = 10;
/** Rows encoded between two looks at the signal. */
const ROWS = 8192;

/**
 * Encodes all rows and writes features.parquet (one line a feature: frequency, maximum, histogram, promoted and
 * suppressed tokens) and passages.parquet (its highest passages with each token's activation) into `folder`.
 */
export async function buildFeatureDatabase(
  folder: string,
  input: FeatureDatabaseInput,
  context: WorkContext & { readonly threads: number },
): Promise<{ features: number; passages: number }> {
  const { dictionary, graph, x_ND, places } = input;
  const { site, features, width } = dictionary;
  const rows = x_ND.length / width;
  return track(
    context.progress,
    {
      task: `features/${site}`,
      label: `Collect passages for the features of ${site}`,
      total: rows,
      unit: 'tokens',
    },
    async (advance) => {
      const entries = await encodeAll(input, context, advance);
      const effects = graph && (await logitEffects(graph, dictionary, { top: TOP_TOKENS, ...context }));
      const length = input.windows[0]?.tokens.length ?? 0;
      let passages = 0;
      const lines = { features: [] as unknown[], passages: [] as unknown[] };
      for (let f = 0; f < features; f++) {
        const found = topPassages(entries, f, places, length);
        const shown = found.map((place, rank) => passageLine(input, f, place, rank));
        lines.features.push(featureLine(input, f, entries, rows, effects?.[f], shown));
        lines.passages.push(...shown);
        passages += shown.length;
      }
      await writeParquet(folder, 'features', lines.features);
      await writeParquet(folder, 'passages', lines.passages);
      return { features, passages };
    },
  );
}

/** Entries of all rows by feature; codes are put together piece by piece, so that full rows cost their entries only. */
async function encodeAll(
  { dictionary, x_ND }: FeatureDatabaseInput,
  context: WorkContext & { readonly threads: number },
  advance: (done: number) => void,
): Promise<FeatureEntries> {
  const { width, features } = dictionary;
  const rows = x_ND.length / width;
  const parts: FeatureEntries[] = [];
  const opened = await encoder(dictionary, context.threads);
  try {
    for (let from = 0; from < rows; from += ROWS) {
      throwIfAborted(context.signal);
      const to = Math.min(rows, from + ROWS);
      const code = await opened.encode(x_ND.subarray(from * width, to * width));
      parts.push(entriesByFeature(code, features, from));
      advance(to);
    }
  } finally {
    await opened.release();
  }
  return joinEntries(parts, features);
}

interface PassageLine {
  feature: number;
  rank: number;
  document: string;
  peak: number;
  tokens: string[];
  activations: number[];
}

function passageLine(
  { windows, titles, tokenizer }: FeatureDatabaseInput,
  feature: number,
  place: ReturnType<typeof topPassages>[number],
  rank: number,
): PassageLine {
  const { tokens, documents } = windows[place.window]!;
  return {
    feature,
    rank,
    document: titles[documents[place.peak]!] ?? '',
    peak: place.peak - place.from,
    tokens: Array.from(tokens.subarray(place.from, place.to), (id) => tokenizer.token(id)),
    activations: place.activations.map((value) => Math.fround(value)),
  };
}

function featureLine(
  { tokenizer }: FeatureDatabaseInput,
  id: number,
  entries: FeatureEntries,
  rows: number,
  effects: LogitEffects | undefined,
  passages: readonly PassageLine[],
) {
  const values = entries.value.subarray(entries.starts[id]!, entries.starts[id + 1]!);
  const texts = (list: LogitEffects['promoted'] = []) => list.map(({ token }) => tokenizer.token(token));
  const numbers = (list: LogitEffects['promoted'] = []) => list.map(({ effect }) => effect);
  const histogram = histogramOf(values);
  const promoted = texts(effects?.promoted);
  const peaks = passages.map(({ tokens, peak }) => tokens[peak]!);
  return {
    id,
    frequency: values.length / rows,
    max_activation: values.reduce((a, b) => Math.max(a, b), 0),
    bin_width: histogram[0]?.to ?? 0,
    bin_counts: histogram.map(({ count }) => count),
    promoted,
    promoted_effects: numbers(effects?.promoted),
    suppressed: texts(effects?.suppressed),
    suppressed_effects: numbers(effects?.suppressed),
    words: [...new Set([...peaks, ...promoted])].join('\n').toLowerCase(),
  };
}

const columns = {
  features: {
    id: 'INTEGER',
    frequency: 'DOUBLE',
    max_activation: 'FLOAT',
    bin_width: 'DOUBLE',
    bin_counts: 'INTEGER[]',
    promoted: 'VARCHAR[]',
    promoted_effects: 'FLOAT[]',
    suppressed: 'VARCHAR[]',
    suppressed_effects: 'FLOAT[]',
    words: 'VARCHAR',
  },
  passages: {
    feature: 'INTEGER',
    rank: 'INTEGER',
    document: 'VARCHAR',
    peak: 'INTEGER',
    tokens: 'VARCHAR[]',
    activations: 'FLOAT[]',
  },
} as const;

/** Writes lines as `${name}.parquet` by way of JSON lines; the file appears when it is whole. */
async function writeParquet(
  folder: string,
  name: keyof typeof FILES,
  lines: readonly unknown[],
): Promise<void> {
  const path = join(folder, FILES[name]);
  const [json, parquet] = [temporaryName(`${path}.jsonl`), temporaryName(path)];
  const types = Object.entries(columns[name]).map(([column, type]) => `${column}: ${quote(type)}`);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const file = await open(json, 'w');
    for (let i = 0; i < lines.length; i += 500) {
      await file.write(
        `${lines
          .slice(i, i + 500)
          .map((line) => JSON.stringify(line))
          .join('\n')}\n`,
      );
    }
    await file.close();
    const connection = await instance.connect();
    await connection.run(
      `COPY (SELECT * FROM read_json(${quote(json)}, format='newline_delimited', columns={${types.join(', ')}}))
       TO ${quote(parquet)} (FORMAT parquet, ROW_GROUP_SIZE 4096)`,
    );
    connection.closeSync();
    await rename(parquet, path);
  } finally {
    instance.closeSync();
    await Promise.all([json, parquet].map((aside) => rm(aside, { force: true })));
  }
}
