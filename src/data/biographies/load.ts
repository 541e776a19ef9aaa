/** @file Biographies of a source: the leads of Wikipedia's people, or the rows of Bias in Bios. */
import { z } from 'zod';
import type { WorkContext } from '../../core/progress.ts';
import { type PackagedRows, packagedRows } from '../packaged.ts';
import { leadsAttribution, leadsRequirement, readLeads } from '../wikipedia.ts';
import { readBiasInBios } from './bias-in-bios.ts';
import { fieldOf, fields } from './fields.ts';
import { genderOf } from './gender.ts';
import type { Biographies, Biography } from './types.ts';

export type BiographySource =
  | { readonly kind: 'wikipedia-people' }
  /** Parquet files on this disk, in the form of LabHC/bias_in_bios. */
  | { readonly kind: 'bias-in-bios'; readonly paths: readonly string[] };

/**
 * All people of a source whose gender is clear, in a fixed order, each with the natural text.
 * @throws DataError `text.package`, `biographies.columns`, `biographies.row`, `text.row`; FileError of downloads
 */
export function loadBiographies(source: BiographySource, context: WorkContext): Promise<Biographies> {
  return source.kind === 'bias-in-bios' ? readBiasInBios(source.paths, context) : wikipediaPeople(context);
}

interface Person {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly description: string;
}

const people: PackagedRows<Person> = {
  name: 'wikipedia-people',
  requirement: leadsRequirement,
  rows: z.array(z.object({ id: z.string(), name: z.string(), text: z.string(), description: z.string() })),
  read: async (folder, context) =>
    (await readLeads(folder, context))
      .filter(({ topic }) => topic === 'People')
      .map(({ id, title, text, description }) => ({ id, name: title, text, description })),
};

async function wikipediaPeople(context: WorkContext): Promise<Biographies> {
  const rows = await packagedRows(people, context);
  const told = rows.flatMap(({ id, name, text, description }): Biography[] => {
    const gender = genderOf(text);
    if (gender === undefined) return [];
    return [{ id, name, text, description, field: fieldOf(description), gender, natural: true }];
  });
  return {
    people: told,
    fields,
    unclear: rows.length - told.length,
    source: `leads of ${rows.length.toLocaleString('en')} people in English Wikipedia (Vital articles, level 4)`,
    attribution: leadsAttribution,
  };
}
