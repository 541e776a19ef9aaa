/** @file Tokenizers: Hugging Face's tokenizer.json run by their library, and GGUF's tables turned into that form. */
import { Tokenizer as Engine } from '@huggingface/tokenizers';
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import { bytesOfToken, showBytes } from './bytes.ts';
import type { Tokenizer } from './types.ts';

/** What of tokenizer.json we look at ourselves; the engine reads the rest. */
const tokenizerJson = z.looseObject({
  model: z.looseObject({ type: z.string() }),
  added_tokens: z
    .array(z.looseObject({ id: z.number().int().nonnegative(), content: z.string() }))
    .optional(),
});

/** What of tokenizer_config.json matters here. */
const tokenizerConfig = z.looseObject({
  add_bos_token: z.boolean().nullish(),
  bos_token: z.union([z.string(), z.looseObject({ content: z.string() })]).nullish(),
});

/** A tokenizer as data: what lies in the cache beside the weights. */
export interface TokenizerFiles {
  readonly tokenizer: unknown;
  readonly config: unknown;
}

/**
 * A tokenizer from the contents of tokenizer.json and tokenizer_config.json.
 * @throws ModelError `model.tokenizer` when they do not describe one
 */
export function openTokenizer({ tokenizer, config }: TokenizerFiles, where: string): Tokenizer {
  const fail = (cause: unknown) =>
    new ModelError('model.tokenizer', `cannot use this tokenizer: ${(cause as Error).message}`, {
      where,
      hint: 'the model needs a tokenizer.json of a fast tokenizer (BPE, WordPiece or Unigram)',
      cause,
    });
  let engine: Engine;
  let settings: z.infer<typeof tokenizerConfig>;
  let added: Map<number, string>;
  let size: number;
  try {
    const parsed = tokenizerJson.parse(tokenizer);
    settings = tokenizerConfig.parse(config ?? {});
    engine = new Engine({ ...parsed, pre_tokenizer: withUnicodeDigits(parsed.pre_tokenizer) }, settings);
    added = new Map(parsed.added_tokens?.map((t) => [t.id, t.content]));
    size = 0;
    for (const id of engine.get_vocab(true).values()) size = Math.max(size, id + 1);
  } catch (error) {
    throw fail(error);
  }
  const decode = (ids: readonly number[]) =>
    engine.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  const bosText = typeof settings.bos_token === 'string' ? settings.bos_token : settings.bos_token?.content;
  const bos = settings.add_bos_token && bosText ? engine.token_to_id(bosText) : undefined;
  return {
    size,
    ...(bos === undefined ? {} : { bos }),
    files: { tokenizer, config },
    encode: (text) => (text === '' ? [] : engine.encode(text, { add_special_tokens: false }).ids),
    decode: (ids) => (ids.length === 0 ? '' : decode(ids)),
    token(id) {
      const special = added.get(id);
      if (special !== undefined) return special;
      const written = engine.id_to_token(id);
      if (written === undefined) return `<${id}>`;
      const bytes = bytesOfToken(written);
      return bytes ? showBytes(bytes) : decode([id]);
    },
  };
}

/**
 * The pre-tokenizer with `Digits` said as a split at \p{N}, which is what the Rust library means by it; the
 * engine takes ASCII digits only.
 */
function withUnicodeDigits(step: unknown): unknown {
  if (typeof step !== 'object' || step === null) return step;
  if ('pretokenizers' in step && Array.isArray(step.pretokenizers))
    return { ...step, pretokenizers: step.pretokenizers.map(withUnicodeDigits) };
  if (!('type' in step) || step.type !== 'Digits') return step;
  const single = 'individual_digits' in step && step.individual_digits === true;
  return {
    type: 'Split',
    pattern: { Regex: single ? '\\p{N}' : '\\p{N}+' },
    behavior: 'Isolated',
    invert: false,
  };
}

/** A toy: one token per byte of UTF-8. Sizes below 256 fold bytes together. */
export function byteTokenizer(size = 256): Tokenizer {
  return {
    size,
    encode: (text) => Array.from(new TextEncoder().encode(text), (byte) => byte % size),
    decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
    token: (id) => (id < 256 ? showBytes(Uint8Array.of(id)) : `<${id}>`),
  };
}

/** For models that read no text. Every call throws ModelError `model.no-tokenizer`. */
export function noTokenizer(model: string): Tokenizer {
  const refuse = (): never => {
    throw new ModelError('model.no-tokenizer', `${model} reads images, not text`, {
      where: model,
      hint: 'feed its input `pixels` through a session (docs/models.md)',
    });
  };
  return { size: 0, encode: refuse, decode: refuse, token: refuse };
}

/** The id of a special token that tokenizer_config.json names, e.g. `sep_token`; undefined when there is none. */
export function idOfSpecial({ tokenizer, config }: TokenizerFiles, name: string): number | undefined {
  const said = z
    .looseObject({ [name]: z.union([z.string(), z.looseObject({ content: z.string() })]) })
    .safeParse(config);
  const added = tokenizerJson.safeParse(tokenizer);
  if (!said.success || !added.success) return undefined;
  const value = said.data[name] as string | { content: string };
  const text = typeof value === 'string' ? value : value.content;
  return added.data.added_tokens?.find((token) => token.content === text)?.id;
}
