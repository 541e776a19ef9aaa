/** @file A tokenizer.json at work: added tokens, normaliser, pre-tokenizer, model, decoder, in the order of the Rust library `tokenizers`. */
import { z } from 'zod';
import { type AddedToken, addedToken, finder } from './added.ts';
import { bpe, type EncodePiece } from './bpe.ts';
import { decoder } from './decoder.ts';
import { normaliser } from './normaliser.ts';
import { type Part, part, unknownPart } from './part.ts';
import { preTokenizer } from './pre-tokenizer.ts';
import { unigram } from './unigram.ts';
import { wordLevel, wordPiece } from './word-piece.ts';

export const tokenizerJson = z.looseObject({
  added_tokens: z.array(addedToken).nullish(),
  normalizer: part.nullish(),
  pre_tokenizer: part.nullish(),
  decoder: part.nullish(),
  model: z.looseObject({ type: z.string().optional() }),
});

/** What a tokenizer.json can do. Nothing is added in front or behind: post-processors are not applied. */
export interface Engine {
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  /** A token as it is written in the vocabulary. */
  written(id: number): string | undefined;
  idOf(token: string): number | undefined;
  /** Content of an added token. */
  added(id: number): string | undefined;
  readonly size: number;
}

/** @throws ZodError, TypeError, SyntaxError, RangeError that say what is wrong with it */
export function openEngine(file: unknown): Engine {
  const parsed = tokenizerJson.parse(file);
  const added = parsed.added_tokens ?? [];
  const normalise = normaliser(parsed.normalizer ?? null);
  const cut = preTokenizer(parsed.pre_tokenizer ?? null);
  const { encode: encodePiece, vocabulary } = modelOf(parsed.model);
  const decode = parsed.decoder ? decoder(parsed.decoder) : undefined;

  const normed = (token: AddedToken) => token.normalized ?? !token.special;
  const raw = finder(new Map(added.filter((t) => !normed(t)).map((t) => [t.content, t])));
  const later = finder(new Map(added.filter(normed).map((t) => [normalise(t.content), t])));

  const writtenBy = new Map<number, string>();
  for (const [token, id] of vocabulary) writtenBy.set(id, token);
  const addedBy = new Map(added.map((t) => [t.id, t.content]));
  for (const [id, content] of addedBy) writtenBy.set(id, content);
  const idByContent = new Map(added.map((t) => [t.content, t.id]));
  let size = 0;
  for (const id of writtenBy.keys()) size = Math.max(size, id + 1);

  return {
    size,
    written: (id) => writtenBy.get(id),
    idOf: (token) => idByContent.get(token) ?? vocabulary.get(token),
    added: (id) => addedBy.get(id),
    encode(text) {
      const ids: number[] = [];
      for (const stretch of raw(text, true)) {
        if ('id' in stretch) ids.push(stretch.id);
        else {
          for (const inner of later(normalise(stretch.text), stretch.first)) {
            if ('id' in inner) ids.push(inner.id);
            else if (inner.text !== '')
              for (const piece of cut(inner.text, inner.first))
                if (piece !== '') for (const id of encodePiece(piece)) ids.push(id);
          }
        }
      }
      return ids;
    },
    decode(ids) {
      const tokens = ids.flatMap((id) => writtenBy.get(id) ?? []);
      return decode ? decode(tokens).join('') : tokens.join(' ');
    },
  };
}

function modelOf(of: z.infer<typeof tokenizerJson>['model']): {
  encode: EncodePiece;
  vocabulary: ReadonlyMap<string, number>;
} {
  // Older files do not say their kind.
  const kind = of.type ?? ('merges' in of ? 'BPE' : Array.isArray(of.vocab) ? 'Unigram' : 'WordPiece');
  const model: Part = { ...of, type: kind };
  switch (kind) {
    case 'BPE':
      return bpe(model);
    case 'Unigram':
      return unigram(model);
    case 'WordPiece':
      return wordPiece(model);
    case 'WordLevel':
      return wordLevel(model);
    default:
      throw unknownPart('model', model);
  }
}
