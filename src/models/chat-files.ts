/** @file Where files of models keep how a conversation is written and what ends a text: gathered into one form. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, readText } from '../files/atomic.ts';
import { exists } from '../files/cache.ts';
import type { TokenizerFiles } from './types.ts';

/** Names of files of a folder that are read here beside config.json. */
export const chatFiles = { template: 'chat_template.jinja', generation: 'generation_config.json' } as const;

/** What is added to tokenizer_config.json's content. */
export interface ChatConfig {
  readonly chat_template?: string;
  readonly eos_token?: string;
  /** Every token that ends a text, not only the one that is named. */
  readonly eos_token_id?: readonly number[];
}

const ids = z.union([z.number().int(), z.array(z.number().int())]).nullish();
const withEnds = z.looseObject({ eos_token_id: ids });

/** Of a Hugging Face folder: chat_template.jinja, generation_config.json, config.json. @throws FileError */
export async function chatOfFolder(folder: string): Promise<ChatConfig> {
  const template = join(folder, chatFiles.template);
  const ends = new Set<number>();
  for (const name of [chatFiles.generation, 'config.json']) {
    const path = join(folder, name);
    if (!(await exists(path))) continue;
    const { eos_token_id: said } = await readJson(path, withEnds);
    for (const id of [said ?? []].flat()) ends.add(id);
  }
  return {
    ...((await exists(template)) ? { chat_template: await readText(template) } : {}),
    ...(ends.size > 0 ? { eos_token_id: [...ends] } : {}),
  };
}

/** Tokens that end a turn in models whose GGUF names only the end of a text (llama.cpp, `llama-vocab.cpp`). */
const turnEnds = new Set([
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '<|eom_id|>',
  '</s>',
]);

/** Of a GGUF's metadata. */
export function chatOfGguf(metadata: ReadonlyMap<string, unknown>): ChatConfig {
  const template = metadata.get('tokenizer.chat_template');
  const tokens = metadata.get('tokenizer.ggml.tokens');
  const types = metadata.get('tokenizer.ggml.token_type');
  const texts = Array.isArray(tokens) ? (tokens as string[]) : [];
  const named = ['eos', 'eot', 'eom'].flatMap((kind) => {
    const id = metadata.get(`tokenizer.ggml.${kind}_token_id`);
    return typeof id === 'number' || typeof id === 'bigint' ? [Number(id)] : [];
  });
  const isControl = (id: number) => Array.isArray(types) && Number(types[id]) === 3;
  const ends = new Set(
    [...named, ...texts.keys()].filter(
      (id, i) => i < named.length || (turnEnds.has(texts[id]!) && isControl(id)),
    ),
  );
  const eos = texts[named[0] ?? -1];
  return {
    ...(typeof template === 'string' ? { chat_template: template } : {}),
    ...(eos === undefined ? {} : { eos_token: eos }),
    ...(ends.size > 0 ? { eos_token_id: [...ends] } : {}),
  };
}

/** A tokenizer with what was found added to its settings. */
export const withChat = (files: TokenizerFiles, found: ChatConfig): TokenizerFiles => ({
  ...files,
  config: { ...(files.config as object), ...found },
});
