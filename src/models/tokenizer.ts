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

const byteLevel = (regex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: regex,
});

/** How text is cut before merging, by the name that GGUF gives it (`tokenizer.ggml.pre`). */
const preTokenizers: Readonly<Record<string, unknown>> = {
  'gpt-2': byteLevel(true),
  smollm: {
    type: 'Sequence',
    pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)],
  },
  'llama-bpe': {
    type: 'Sequence',
    pretokenizers: [
      {
        type: 'Split',
        pattern: {
          Regex:
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        },
        behavior: 'Isolated',
        invert: false,
      },
      byteLevel(false),
    ],
  },
};

/** The tokenizer part of a GGUF's metadata (ggml/docs/gguf.md, "Tokenizer"). */
const ggufTokenizer = z.object({
  'tokenizer.ggml.model': z.literal('gpt2', {
    error: 'only byte-level BPE (model "gpt2") is read from GGUF',
  }),
  'tokenizer.ggml.pre': z.string().default('gpt-2'),
  'tokenizer.ggml.tokens': z.array(z.string()).min(1),
  'tokenizer.ggml.token_type': z.array(z.number()).optional(),
  'tokenizer.ggml.merges': z.array(z.string()),
  'tokenizer.ggml.bos_token_id': z.number().int().nonnegative().optional(),
  'tokenizer.ggml.add_bos_token': z.boolean().default(false),
  'tokenizer.ggml.add_space_prefix': z.literal(false).optional(),
});

/** GGUF's token types: control and user-defined tokens are matched in the text before anything else. */
const TOKEN = { control: 3, userDefined: 4 } as const;

/**
 * tokenizer.json and tokenizer_config.json from GGUF metadata.
 * @throws ModelError `model.tokenizer` when a table is missing, or of a kind that we do not read
 */
export function tokenizerFromGguf(metadata: ReadonlyMap<string, unknown>, where: string): TokenizerFiles {
  const parsed = ggufTokenizer.safeParse(Object.fromEntries(metadata));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new ModelError(
      'model.tokenizer',
      `the tokenizer in this GGUF cannot be used: ${issue.path.join('.')}: ${issue.message}`,
      {
        where,
        hint: 'use the Hugging Face folder of the model (config.json, model.safetensors, tokenizer.json) instead',
      },
    );
  }
  const m = parsed.data;
  const preTokenizer = preTokenizers[m['tokenizer.ggml.pre']];
  if (!preTokenizer) {
    throw new ModelError(
      'model.tokenizer',
      `the tokenizer's pre-tokenizer "${m['tokenizer.ggml.pre']}" is not known; known: ${Object.keys(preTokenizers).join(', ')}`,
      { where, hint: 'use the Hugging Face folder of the model instead' },
    );
  }
  const tokens = m['tokenizer.ggml.tokens'];
  const types = m['tokenizer.ggml.token_type'] ?? [];
  const added = tokens.flatMap((content, id) => {
    const special = types[id] === TOKEN.control;
    if (!special && types[id] !== TOKEN.userDefined) return [];
    return [{ id, content, special, single_word: false, lstrip: false, rstrip: false, normalized: false }];
  });
  const bos = tokens[m['tokenizer.ggml.bos_token_id'] ?? -1];
  return {
    tokenizer: {
      version: '1.0',
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: preTokenizer,
      post_processor: null,
      decoder: byteLevel(true),
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: m['tokenizer.ggml.merges'],
        ignore_merges: m['tokenizer.ggml.pre'] === 'llama-bpe',
      },
    },
    config: {
      add_bos_token: m['tokenizer.ggml.add_bos_token'],
      ...(bos === undefined ? {} : { bos_token: bos }),
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
