/** @file The tokenizer of a Hugging Face folder: tokenizer.json, or the older files made into one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import { readJson, readText } from '../files/atomic.ts';
import { exists } from '../files/cache.ts';
import { chatOfFolder } from './chat-files.ts';
import { byteLevel, qwen } from './pre-tokenizers.ts';
import { readSentencepiece } from './sentencepiece.ts';
import type { Family, TokenizerFiles } from './types.ts';

/** Names of the files that may hold a tokenizer. */
export const TOKENIZER_FILES = {
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  vocabulary: 'vocab.json',
  merges: 'merges.txt',
  words: 'vocab.txt',
  sentencepiece: 'tokenizer.model',
} as const;

/**
 * Reads tokenizer.json; without it vocab.json with merges.txt (GPT-2's form), vocab.txt (BERT's) or tokenizer.model
 * (sentencepiece).
 * @throws ModelError `model.tokenizer` when there is none, or one that cannot be read; FileError of the files
 */
export async function readTokenizerFolder(folder: string, family: Family): Promise<TokenizerFiles> {
  const path = (file: keyof typeof TOKENIZER_FILES) => join(folder, TOKENIZER_FILES[file]);
  const settings = path('tokenizerConfig');
  const config = {
    ...((await exists(settings)) ? await readJson(settings, z.looseObject({})) : {}),
    ...(await chatOfFolder(folder)),
  };
  if (await exists(path('tokenizer'))) return { tokenizer: await readJson(path('tokenizer')), config };
  if ((await exists(path('vocabulary'))) && (await exists(path('merges')))) {
    const vocab = await readJson(path('vocabulary'), z.record(z.string(), z.number().int().nonnegative()));
    return { tokenizer: bytePairs(vocab, await readText(path('merges')), config, family), config };
  }
  if (await exists(path('words')))
    return { tokenizer: wordPiece(await readText(path('words')), config), config };
  if (await exists(path('sentencepiece'))) {
    const { tokenizer } = readSentencepiece(await readFile(path('sentencepiece')), path('sentencepiece'));
    return { tokenizer, config };
  }
  throw new ModelError('model.tokenizer', `${folder} has no tokenizer`, {
    where: folder,
    hint: 'save it with transformers: AutoTokenizer.from_pretrained(…).save_pretrained(folder) writes tokenizer.json',
  });
}

const named = z.union([z.string(), z.looseObject({ content: z.string() })]);

/** Special tokens that the configuration names and the vocabulary has. */
function specials(config: unknown, vocab: Readonly<Record<string, number>>) {
  const entries = typeof config === 'object' && config !== null ? Object.entries(config) : [];
  const names = entries.flatMap(([key, value]) => {
    const token = key.endsWith('_token') ? named.safeParse(value) : undefined;
    if (!token?.success) return [];
    return [typeof token.data === 'string' ? token.data : token.data.content];
  });
  return [...new Set([...names, '<|endoftext|>', '[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'])]
    .filter((content) => Object.hasOwn(vocab, content))
    .map((content) => ({ id: vocab[content]!, content, special: true, normalized: false }));
}

function bytePairs(vocab: Record<string, number>, merges: string, config: unknown, family: Family): unknown {
  const isQwen = family === 'qwen2' || family === 'qwen3';
  return {
    version: '1.0',
    added_tokens: specials(config, vocab),
    normalizer: isQwen ? { type: 'NFC' } : null,
    pre_tokenizer: isQwen ? qwen : byteLevel(true),
    post_processor: null,
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      vocab,
      merges: merges
        .split('\n')
        .filter((line, i) => line.includes(' ') && !(i === 0 && line.startsWith('#version'))),
    },
  };
}

function wordPiece(words: string, config: unknown): unknown {
  const tokens = words.split(/\r?\n/);
  if (tokens.at(-1) === '') tokens.pop();
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const lowercase = !(
    typeof config === 'object' &&
    config !== null &&
    'do_lower_case' in config &&
    config.do_lower_case === false
  );
  return {
    version: '1.0',
    added_tokens: specials(config, vocab),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', vocab, unk_token: '[UNK]', continuing_subword_prefix: '##' },
  };
}
