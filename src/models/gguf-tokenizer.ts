/** @file GGUF's tokenizer tables (ggml/docs/gguf.md, "Tokenizer") turned into a tokenizer.json. */
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import type { TokenizerFiles } from './tokenizer.ts';

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
  'tokenizer.ggml.merges': z.array(z.string()).default([]),
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
