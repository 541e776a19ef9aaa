/** @file Ten thousand strings and what the reference tokenizers make of them (test/oracles/token_ids.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Tokenizer } from '../../src/models/types.ts';

const folder = 'test/oracles/tokenizers';
const packed = (name: string) => gunzipSync(readFileSync(`${folder}/${name}.json.gz`)).toString('utf8');

export const referenceStrings = JSON.parse(packed('strings')) as string[];

interface Kind {
  /** Number of ids of all strings together. */
  readonly ids: number;
  readonly sha256: string;
  /** One byte of each string's own SHA-256, in base64. */
  readonly marks: string;
  /** SHA-256 of what the ids decode to, joined by NUL. */
  readonly decoded: string;
}
export const referenceKinds = (
  JSON.parse(readFileSync(`${folder}/ids.json`, 'utf8')) as { kinds: Record<string, Kind> }
).kinds;

/** As referenceKinds, by sentencepiece itself (test/oracles/sentencepiece_ids.py), for the strings below. */
export const sentencepieceKinds = (
  JSON.parse(readFileSync(`${folder}/spm.json`, 'utf8')) as { kinds: Record<string, Omit<Kind, 'decoded'>> }
).kinds;
export const sentencepieceStrings = referenceStrings.filter((text) => !/<s>|<\/s>|<unk>/.test(text));

/** The tokenizer.json of a kind. */
export const referenceTokenizer = (kind: string): unknown => JSON.parse(packed(kind));

/** A string's ids as the oracle hashes them. */
function bytesOf(ids: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * (ids.length + 1));
  for (const [i, id] of [ids.length, ...ids].entries()) bytes.writeUInt32LE(id, 4 * i);
  return bytes;
}

export interface TokenComparison {
  readonly ids: number;
  readonly sha256: string;
  readonly decoded: string;
  /** The first string whose ids are others, with ours; undefined when none is seen to differ. */
  readonly first?: { readonly text: string; readonly ours: readonly number[] };
}

/** Encodes all strings, decodes what comes out, and compares. */
export function compareTokens(
  kind: Pick<Kind, 'marks'>,
  { encode, decode }: Tokenizer,
  strings: readonly string[] = referenceStrings,
  skip: (text: string) => boolean = () => false,
): TokenComparison {
  const marks = Buffer.from(kind.marks, 'base64');
  const whole = createHash('sha256');
  const texts = createHash('sha256');
  let ids = 0;
  let first: TokenComparison['first'];
  strings.forEach((text, i) => {
    if (skip(text)) return;
    const ours = encode(text);
    const bytes = bytesOf(ours);
    whole.update(bytes);
    texts.update(`${i === 0 ? '' : '\0'}${decode(ours)}`);
    ids += ours.length;
    if (createHash('sha256').update(bytes).digest()[0] !== marks[i]) first ??= { text, ours };
  });
  const [sha256, decoded] = [whole.digest('hex'), texts.digest('hex')];
  return { ids, sha256, decoded, ...(first ? { first } : {}) };
}
