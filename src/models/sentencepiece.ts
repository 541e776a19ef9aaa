/** @file Sentencepiece models (tokenizer.model, or their tables in GGUF) turned into a tokenizer.json, as transformers converts them. */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { ModelError } from '../core/errors.ts';
import type { TokenizerFiles } from './types.ts';

/** One piece of the vocabulary; kinds are those of sentencepiece_model.proto. */
export interface Piece {
  readonly token: string;
  readonly score: number;
  readonly kind: number;
}

const KIND = { unknown: 2, control: 3, userDefined: 4, byte: 6 } as const;

/** What a sentencepiece model says besides its pieces. */
export interface PieceSettings {
  readonly model: 'bpe' | 'unigram';
  /** A space is put in front of the text. */
  readonly prefix: boolean;
  /** Spaces at the ends go, runs of them become one. */
  readonly collapses: boolean;
  /** Compiled map of characters, as bytes. */
  readonly charsmap?: Uint8Array;
}

const MARK = '▁';

/** The tokenizer.json of a sentencepiece model (transformers, convert_slow_tokenizer.py). */
export function tokenizerOfPieces(pieces: readonly Piece[], settings: PieceSettings): unknown {
  const { model, prefix, collapses, charsmap } = settings;
  const added = pieces.flatMap(({ token, kind }, id) => {
    const special = kind === KIND.control || kind === KIND.unknown;
    if (!special && kind !== KIND.userDefined) return [];
    // Tokens that users defined are found with their spaces already marked, or, where a mark is put in front of
    // every text and would be put in front of them, with their spaces as they come.
    const normalized = !special && !prefix;
    const content = special || normalized ? token : token.replaceAll(MARK, ' ');
    return [{ id, content, special, single_word: false, lstrip: false, rstrip: false, normalized }];
  });
  const unknown = Math.max(
    pieces.findIndex(({ kind }) => kind === KIND.unknown),
    0,
  );
  const bytes = pieces.some(({ kind }) => kind === KIND.byte);
  const mapped = charsmap?.length
    ? [{ type: 'Precompiled', precompiled_charsmap: Buffer.from(charsmap).toString('base64') }]
    : [];
  const collapsed = collapses
    ? [
        { type: 'Replace', pattern: { Regex: `^ +|[ ${MARK}]+$` }, content: '' },
        { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
      ]
    : [];
  const front = prefix ? [{ type: 'Prepend', prepend: MARK }] : [];
  const spaces = [{ type: 'Replace', pattern: { String: ' ' }, content: MARK }];
  const decoders = [
    { type: 'Replace', pattern: { String: MARK }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  return {
    version: '1.0',
    added_tokens: added,
    normalizer: { type: 'Sequence', normalizers: [...mapped, ...collapsed, ...front, ...spaces] },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders },
    model:
      model === 'unigram'
        ? {
            type: 'Unigram',
            vocab: pieces.map(({ token, score }) => [token, score]),
            unk_id: unknown,
            byte_fallback: bytes,
          }
        : {
            type: 'BPE',
            vocab: Object.fromEntries(pieces.map(({ token }, id) => [token, id])),
            merges: mergesOf(pieces),
            unk_token: pieces[unknown]?.token,
            fuse_unk: true,
            byte_fallback: bytes,
          },
  };
}

/** Every way to make a piece of two others, best piece first. */
function mergesOf(pieces: readonly Piece[]): [string, string][] {
  const ids = new Map(pieces.map(({ token }, id) => [token, id]));
  const all = pieces.flatMap(({ token, score, kind }) => {
    if (kind !== 1 && kind !== KIND.userDefined) return [];
    const characters = [...token];
    const ways: { left: string; right: string; score: number }[] = [];
    for (let i = 1; i < characters.length; i++) {
      const [left, right] = [characters.slice(0, i).join(''), characters.slice(i).join('')];
      if (ids.has(left) && ids.has(right)) ways.push({ left, right, score });
    }
    return ways.sort((a, b) => ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!);
  });
  return all.sort((a, b) => b.score - a.score).map(({ left, right }) => [left, right]);
}

/**
 * A tokenizer.model file: ModelProto of sentencepiece_model.proto, of which the fields that decide are read.
 * @throws ModelError `model.tokenizer` when the bytes are no such file
 */
export function readSentencepiece(bytes: Uint8Array, where: string): TokenizerFiles {
  const pieces: Piece[] = [];
  let kind = 1;
  let settings: PieceSettings = { model: 'unigram', prefix: true, collapses: true };
  try {
    fields(bytes, {
      1: (reader) => pieces.push(pieceOf(reader.bytes())),
      2: (reader) =>
        fields(reader.bytes(), {
          3: (inner) => {
            kind = inner.int32();
          },
        }),
      3: (reader) => {
        settings = { ...settings, ...normaliserOf(reader.bytes()) };
      },
    });
  } catch (cause) {
    throw unreadable(where, 'it is no sentencepiece model, or was cut short', cause);
  }
  if (pieces.length === 0) throw unreadable(where, 'it has no pieces');
  if (kind !== 1 && kind !== 2)
    throw unreadable(where, `models of kind ${kind} (word, character) are not read`);
  const tokenizer = tokenizerOfPieces(pieces, { ...settings, model: kind === 1 ? 'unigram' : 'bpe' });
  return { tokenizer, config: {} };
}

const unreadable = (where: string, what: string, cause?: unknown) =>
  new ModelError('model.tokenizer', `cannot use ${where}: ${what}`, {
    where,
    hint: 'save the tokenizer as tokenizer.json: AutoTokenizer.from_pretrained(…).save_pretrained(folder)',
    cause,
  });

type Read = (reader: BinaryReader) => void;

/** Goes through the fields of a message; those without a reader are skipped. */
function fields(bytes: Uint8Array, readers: Readonly<Record<number, Read>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const read = readers[number];
    if (read) read(reader);
    else reader.skip(wire, number);
  }
}

function pieceOf(bytes: Uint8Array): Piece {
  let piece: Piece = { token: '', score: 0, kind: 1 };
  fields(bytes, {
    1: (reader) => {
      piece = { ...piece, token: reader.string() };
    },
    2: (reader) => {
      piece = { ...piece, score: reader.float() };
    },
    3: (reader) => {
      piece = { ...piece, kind: reader.int32() };
    },
  });
  return piece;
}

function normaliserOf(bytes: Uint8Array): Partial<PieceSettings> {
  let found: Partial<PieceSettings> = {};
  fields(bytes, {
    2: (reader) => {
      found = { ...found, charsmap: reader.bytes() };
    },
    3: (reader) => {
      found = { ...found, prefix: reader.bool() };
    },
    4: (reader) => {
      found = { ...found, collapses: reader.bool() };
    },
  });
  return found;
}
