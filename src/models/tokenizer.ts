/** @file Tokenizers from the contents of tokenizer.json and tokenizer_config.json; a toy; and none. */
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import { bytesOfToken, showBytes } from './bytes.ts';
import { type Engine, openEngine, tokenizerJson } from './tokenizer/engine.ts';
import type { Tokenizer, TokenizerFiles } from './types.ts';

const named = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();

/** What of tokenizer_config.json matters here. */
const tokenizerConfig = z.looseObject({
  add_bos_token: z.boolean().nullish(),
  bos_token: named,
  cls_token: named,
  sep_token: named,
  mask_token: named,
});

/**
 * A tokenizer from the contents of tokenizer.json and tokenizer_config.json.
 * @throws ModelError `model.tokenizer` when they do not describe one
 */
export function openTokenizer(files: TokenizerFiles, where: string): Tokenizer {
  let engine: Engine;
  let settings: z.infer<typeof tokenizerConfig>;
  try {
    settings = tokenizerConfig.parse(files.config ?? {});
    engine = openEngine(files.tokenizer);
  } catch (cause) {
    const what =
      cause instanceof z.ZodError
        ? `${cause.issues[0]!.path.join('.')}: ${cause.issues[0]!.message}`
        : (cause as Error).message;
    throw new ModelError('model.tokenizer', `cannot use this tokenizer: ${what}`, {
      where,
      hint: 'the model needs a tokenizer.json of a fast tokenizer (BPE, WordPiece or Unigram)',
      cause,
    });
  }
  const idOf = (name: z.infer<typeof named>) =>
    name == null ? undefined : engine.idOf(typeof name === 'string' ? name : name.content);
  // Encoders put [CLS] in front and [SEP] behind.
  const cls = idOf(settings.cls_token);
  const bos = settings.add_bos_token ? idOf(settings.bos_token) : cls;
  const end = cls === undefined ? undefined : idOf(settings.sep_token);
  const mask = idOf(settings.mask_token);
  return {
    size: engine.size,
    ...(bos === undefined ? {} : { bos }),
    ...(end === undefined ? {} : { end }),
    ...(mask === undefined ? {} : { mask }),
    files,
    encode: engine.encode,
    decode: engine.decode,
    token(id) {
      const special = engine.added(id);
      if (special !== undefined) return special;
      const written = engine.written(id);
      if (written === undefined) return `<${id}>`;
      const bytes = bytesOfToken(written);
      return bytes ? showBytes(bytes) : engine.decode([id]);
    },
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
  const said = z.looseObject({ [name]: named }).safeParse(config);
  const parsed = tokenizerJson.safeParse(tokenizer);
  if (!said.success || !parsed.success) return undefined;
  const value = said.data[name] as z.infer<typeof named>;
  const text = typeof value === 'string' ? value : value?.content;
  return parsed.data.added_tokens?.find((token) => token.content === text)?.id;
}
