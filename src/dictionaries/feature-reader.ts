/** @file Reading a feature database: the table of features, sorted and searched, and one feature in full. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { DictionaryError } from '../core/errors.ts';
import { FILES, quote } from './feature-files.ts';
import type { Bin } from './passages.ts';

export interface FeatureRow {
  readonly id: number;
  /** Share of tokens on which the feature is active. */
  readonly frequency: number;
  readonly maxActivation: number;
  /** Tokens on which the feature is most active, the strongest first, each once. */
  readonly firesOn: readonly string[];
  /** Tokens whose logits the feature raises most. */
  readonly topTokens: readonly string[];
}

export interface FeaturePassage {
  readonly tokens: readonly string[];
  /** Of the feature, at each token. */
  readonly activations: readonly number[];
  readonly document: string;
}

export interface FeatureDetail extends FeatureRow {
  readonly passages: readonly FeaturePassage[];
  readonly histogram: readonly Bin[];
  /** Direct effects on logits per unit of activation, largest first; empty for networks without a final norm site. */
  readonly promoted: readonly { readonly text: string; readonly effect: number }[];
  /** Most negative first. */
  readonly suppressed: readonly { readonly text: string; readonly effect: number }[];
}

export interface FeatureQuery {
  readonly sort: 'max' | 'frequency' | 'id';
  /** A feature's number, or part of a token that it fires on or promotes; '' for all. */
  readonly q: string;
  readonly limit: number;
  readonly offset: number;
}

/** An open feature database; readers in one process may be many. */
export interface FeatureDatabase {
  list(query: FeatureQuery): Promise<{ readonly total: number; readonly rows: readonly FeatureRow[] }>;
  /** One feature; undefined when there is none of this number. */
  read(id: number): Promise<FeatureDetail | undefined>;
  close(): void;
}

type Row = Record<string, DuckDBValue>;

const order = { max: 'max_activation DESC, id', frequency: 'frequency DESC, id', id: 'id' } as const;

/**
 * Opens the database that buildFeatureDatabase wrote into `folder`.
 * @throws DictionaryError `dictionary.no-features`.
 */
export async function openFeatureDatabase(folder: string): Promise<FeatureDatabase> {
  const [features, passages] = [FILES.features, FILES.passages].map((name) => join(folder, name)) as [
    string,
    string,
  ];
  if (![features, passages].every(existsSync)) {
    throw new DictionaryError('dictionary.no-features', `there is no feature database in ${folder}`, {
      where: folder,
      hint: 'run the study again: it collects the passages of every dictionary',
    });
  }
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '256MB' });
  const connection = await instance.connect();
  await connection.run(`CREATE VIEW features AS SELECT * FROM read_parquet(${quote(features)})`);
  await connection.run(`CREATE VIEW passages AS SELECT * FROM read_parquet(${quote(passages)})`);
  const query = async (sql: string, values: Record<string, string | number> = {}): Promise<Row[]> =>
    (await connection.runAndReadAll(sql, values)).getRowObjectsJS() as Row[];

  const peaksOf = async (ids: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> => {
    if (ids.length === 0) return new Map();
    const rows = await query(
      `SELECT feature, list(tokens[peak + 1] ORDER BY rank) AS peaks FROM passages
       WHERE feature IN (${ids.join(', ')}) GROUP BY feature`,
    );
    return new Map(rows.map((row) => [Number(row.feature), distinct(row.peaks as unknown as string[])]));
  };

  return {
    async list({ sort, q, limit, offset }) {
      const wanted = q.trim().toLowerCase();
      const where = wanted === '' ? '' : 'WHERE contains(words, $q) OR CAST(id AS VARCHAR) = $q';
      const values: Record<string, string> = wanted === '' ? {} : { q: wanted };
      const [count] = await query(`SELECT count(*)::INTEGER AS total FROM features ${where}`, values);
      const rows = await query(
        `SELECT id, frequency, max_activation, promoted FROM features ${where} ORDER BY ${order[sort]}
         LIMIT ${Math.max(0, Math.floor(limit))} OFFSET ${Math.max(0, Math.floor(offset))}`,
        values,
      );
      const peaks = await peaksOf(rows.map((row) => Number(row.id)));
      return {
        total: Number(count!.total),
        rows: rows.map((row) => featureRow(row, peaks.get(Number(row.id)) ?? [])),
      };
    },
    async read(id) {
      if (!Number.isInteger(id)) return undefined;
      const [row] = await query('SELECT * FROM features WHERE id = $id', { id });
      if (!row) return undefined;
      const found = await query('SELECT * FROM passages WHERE feature = $id ORDER BY rank', { id });
      const width = Number(row.bin_width);
      return {
        ...featureRow(
          row,
          distinct(found.map((passage) => (passage.tokens as unknown as string[])[Number(passage.peak)]!)),
        ),
        passages: found.map((passage) => ({
          tokens: passage.tokens as unknown as string[],
          activations: passage.activations as unknown as number[],
          document: String(passage.document),
        })),
        histogram: (row.bin_counts as unknown as number[]).map((count, i) => ({
          from: i * width,
          to: (i + 1) * width,
          count,
        })),
        promoted: effects(row.promoted, row.promoted_effects),
        suppressed: effects(row.suppressed, row.suppressed_effects),
      };
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** The first few different texts; spaces around and case do not make a difference. */
function distinct(texts: readonly string[], most = 5): string[] {
  const seen = new Map<string, string>();
  for (const text of texts) {
    const key = text.trim().toLowerCase();
    if (!seen.has(key)) seen.set(key, text);
  }
  return [...seen.values()].slice(0, most);
}

const featureRow = (row: Row, firesOn: readonly string[]): FeatureRow => ({
  id: Number(row.id),
  frequency: Number(row.frequency),
  maxActivation: Number(row.max_activation),
  firesOn,
  topTokens: row.promoted as unknown as string[],
});

const effects = (texts: DuckDBValue | undefined, numbers: DuckDBValue | undefined) =>
  (texts as unknown as string[]).map((text, i) => ({ text, effect: (numbers as unknown as number[])[i]! }));
