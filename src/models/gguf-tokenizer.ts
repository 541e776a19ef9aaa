/** @file GGUF's tokenizer tables (ggml/docs/gguf.md, "Tokenizer") turned into a tokenizer.json. */
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import { byteLevel, preTokenizers } from './pre-tokenizers.ts';
import { tokenizerOfPieces } from './sentencepiece.ts';
import type { TokenizerFiles } from './types.ts';

const id = z.number().int().nonnegative().optional();

/** The tokenizer part of a GGUF's metadata. */
const ggufTokenizer = z.object({
  'tokenizer.ggml.model': z.enum(['gpt2', 'llama', 'bert'], {
    error: 'byte-level BPE ("gpt2"), sentencepiece ("llama") and WordPiece ("bert") are read from GGUF',
  }),
  'tokenizer.ggml.pre': z.string().default('gpt-2'),
  'tokenizer.ggml.tokens': z.array(z.string()).min(1),
  'tokenizer.ggml.token_type': z.array(z.number()).optional(),
  'tokenizer.ggml.scores': z.array(z.number()).optional(),
  'tokenizer.ggml.merges': z.array(z.string()).default([]),
  'tokenizer.ggml.bos_token_id': id,
  'tokenizer.ggml.unknown_token_id': id,
  'tokenizer.ggml.cls_token_id': id,
  'tokenizer.ggml.seperator_token_id': id,
  'tokenizer.ggml.separator_token_id': id,
  'tokenizer.ggml.add_bos_token': z.boolean().optional(),
  'tokenizer.ggml.add_space_prefix': z.boolean().optional(),
});
type Tables = z.infer<typeof ggufTokenizer>;

/** GGUF's token types: control and user-defined tokens are matched in the text before anything else. */
const TOKEN = { control: 3, userDefined: 4 } as const;

const HINT =
  'use the Hugging Face folder of the model (config.json, model.safetensors, tokenizer.json) instead';

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
      { where, hint: HINT },
    );
  }
  const m = parsed.data;
  const kind = m['tokenizer.ggml.model'];
  const tokenizer =
    kind === 'llama' ? sentencepiece(m) : kind === 'bert' ? wordPiece(m) : bytePairs(m, where);
  return { tokenizer, config: configOf(m) };
}

/** What tokenizer_config.json says of special tokens. */
function configOf(m: Tables): Record<string, unknown> {
  const tokens = m['tokenizer.ggml.tokens'];
  const named = (name: string, at: number | undefined) => {
    const token = tokens[at ?? -1];
    return token === undefined ? {} : { [name]: token };
  };
  const isEncoder = m['tokenizer.ggml.model'] === 'bert';
  const separator = m['tokenizer.ggml.seperator_token_id'] ?? m['tokenizer.ggml.separator_token_id'];
  return {
    // Sentencepiece models of llama.cpp start texts unless told otherwise (llama-vocab.cpp).
    add_bos_token: m['tokenizer.ggml.add_bos_token'] ?? m['tokenizer.ggml.model'] === 'llama',
    ...named('bos_token', m['tokenizer.ggml.bos_token_id']),
    ...(isEncoder
      ? {
          ...named('cls_token', m['tokenizer.ggml.cls_token_id'] ?? m['tokenizer.ggml.bos_token_id']),
          ...named('sep_token', separator),
        }
      : {}),
  };
}

const addedOf = (m: Tables) =>
  m['tokenizer.ggml.tokens'].flatMap((content, id) => {
    const type = m['tokenizer.ggml.token_type']?.[id];
    const special = type === TOKEN.control;
    if (!special && type !== TOKEN.userDefined) return [];
    return [{ id, content, special, single_word: false, lstrip: false, rstrip: false, normalized: false }];
  });

const vocabOf = (tokens: readonly string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]));

function bytePairs(m: Tables, where: string): unknown {
  const name = m['tokenizer.ggml.pre'];
  const preTokenizer = Object.hasOwn(preTokenizers, name) ? preTokenizers[name] : undefined;
  if (!preTokenizer) {
    throw new ModelError(
      'model.tokenizer',
      `the tokenizer's pre-tokenizer "${name}" is not known; known: ${Object.keys(preTokenizers).join(', ')}`,
      { where, hint: HINT },
    );
  }
  return {
    version: '1.0',
    added_tokens: addedOf(m),
    normalizer: name === 'qwen2' ? { type: 'NFC' } : null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      vocab: vocabOf(m['tokenizer.ggml.tokens']),
      merges: m['tokenizer.ggml.merges'],
      ignore_merges: /^llama/.test(name),
    },
  };
}

function sentencepiece(m: Tables): unknown {
  const pieces = m['tokenizer.ggml.tokens'].map((token, id) => ({
    token,
    score: m['tokenizer.ggml.scores']?.[id] ?? 0,
    kind: m['tokenizer.ggml.token_type']?.[id] ?? 1,
  }));
  const prefix = m['tokenizer.ggml.add_space_prefix'] ?? true;
  return tokenizerOfPieces(pieces, { model: 'bpe', prefix, collapses: false });
}

/** llama.cpp marks beginnings of words with ▁ where BERT marks continuations with ##. */
function wordPiece(m: Tables): unknown {
  const tokens = m['tokenizer.ggml.tokens'].map((token) => {
    if (token.startsWith('▁')) return token.slice(1);
    return /^\[.*\]$/.test(token) ? token : `##${token}`;
  });
  const unknown = tokens[m['tokenizer.ggml.unknown_token_id'] ?? -1] ?? '[UNK]';
  return {
    version: '1.0',
    added_tokens: addedOf(m),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', vocab: vocabOf(tokens), unk_token: unknown, continuing_subword_prefix: '##' },
  };
}
