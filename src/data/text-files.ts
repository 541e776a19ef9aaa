/** @file Text from the user's own files: .txt, .md, .jsonl and .parquet, one by one or a folder of them. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { DataError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { readText } from '../files/atomic.ts';
import { errnoOf, fileFailure } from '../files/failures.ts';
import type { TextDocument } from './document.ts';
import { openParquet } from './parquet.ts';

/** Reading stops here: far more than any harvest uses, and little enough for memory. */
const enoughCharacters = 60_000_000;
/** A plain text is cut at blank lines into documents of about this many characters, so that it can be split. */
const partCharacters = 4_000;

type Reader = (path: string, name: string) => AsyncGenerator<TextDocument>;

const readers: Readonly<Record<string, Reader>> = {
  txt: readPlain,
  md: readPlain,
  jsonl: readLines,
  ndjson: readLines,
  parquet: readParquet,
};

/**
 * Documents of a file, or of all text files below a folder in the order of their names.
 * @throws DataError `text.not-found`, `text.unknown-kind`, `text.no-text-field`, `text.row`; FileError
 */
export async function readTextPath(path: string, { progress, signal }: WorkContext): Promise<TextDocument[]> {
  const info = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw fileFailure(error, path, 'cannot read');
    throw new DataError('text.not-found', `there is no file or folder ${path}`, {
      where: path,
      hint: 'give a path, or one of wikipedia-leads, moby-dick, state-of-the-union, tiny-held-out',
    });
  });
  const files = info.isDirectory() ? await textFiles(path) : [path];
  const documents: TextDocument[] = [];
  let characters = 0;
  for (const file of files) {
    const name = info.isDirectory() ? relative(path, file) : basename(file);
    const read = readers[endingOf(file)];
    if (!read) {
      throw new DataError('text.unknown-kind', `${file} is no kind of text that can be read`, {
        where: file,
        hint: `known endings: ${Object.keys(readers).join(', ')}`,
      });
    }
    for await (const document of read(file, name)) {
      throwIfAborted(signal);
      documents.push(document);
      characters += document.text.length;
      if (characters > enoughCharacters) {
        progress({
          type: 'note',
          text: `read the first ${enoughCharacters / 1e6} million characters of ${path}`,
        });
        return documents;
      }
    }
  }
  return documents;
}

const endingOf = (path: string): string => /\.([^.\\/]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';

async function textFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => endingOf(name) in readers)
    .sort()
    .map((name) => join(folder, name));
}

/** Paragraphs gathered into parts, each a document of its own. */
async function* readPlain(path: string, name: string): AsyncGenerator<TextDocument> {
  const text = await readText(path);
  const parts: string[] = [];
  let part = '';
  for (const paragraph of text.split(/\n\s*\n/)) {
    part += (part === '' ? '' : '\n\n') + paragraph.trim();
    if (part.length >= partCharacters) {
      parts.push(part);
      part = '';
    }
  }
  if (part.trim() !== '') parts.push(part);
  for (const [i, body] of parts.entries()) {
    const title = parts.length === 1 ? name : `${name} (${i + 1} of ${parts.length})`;
    yield { id: `${name}#${i + 1}`, title, text: body };
  }
}

/** One JSON object per line, with `text` and perhaps `title` and `id`. */
async function* readLines(path: string, name: string): AsyncGenerator<TextDocument> {
  const source = createReadStream(path, 'utf8');
  let line = 0;
  try {
    for await (const content of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      if (content.trim() === '') continue;
      let row: unknown;
      try {
        row = JSON.parse(content);
      } catch (error) {
        throw new DataError('text.row', `${path}, line ${line}: ${(error as Error).message}`, {
          where: `${path}, line ${line}`,
          hint: 'every line must be one JSON object, such as {"title": "…", "text": "…"}',
        });
      }
      yield documentOf(row, path, `line ${line}`, `${name}#${line}`);
    }
  } catch (error) {
    throw fileFailure(error, path, 'cannot read');
  } finally {
    source.destroy();
  }
}

async function* readParquet(path: string, name: string): AsyncGenerator<TextDocument> {
  const table = await openParquet(path);
  const wanted = table.columns.filter((column) => ['text', 'title', 'id'].includes(column));
  if (!wanted.includes('text')) throw noText(path, 'the table', table.columns);
  let row = 0;
  for await (const value of table.rows(wanted)) {
    row++;
    yield documentOf(value, path, `row ${row}`, `${name}#${row}`);
  }
}

function documentOf(row: unknown, path: string, place: string, id: string): TextDocument {
  const fields = typeof row === 'object' && row !== null ? (row as Record<string, unknown>) : {};
  if (typeof fields.text !== 'string') throw noText(path, place, Object.keys(fields));
  return {
    id: fields.id === undefined ? id : String(fields.id),
    title: typeof fields.title === 'string' ? fields.title : id,
    text: fields.text,
  };
}

const noText = (path: string, place: string, fields: readonly string[]): DataError =>
  new DataError('text.no-text-field', `${path}: ${place} has no field "text"`, {
    where: `${path}, ${place}`,
    hint: `it has ${fields.length === 0 ? 'no fields' : fields.slice(0, 8).join(', ')}; name the column with the prose "text"`,
  });
