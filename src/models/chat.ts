/** @file Conversations as the model was trained to read them: its Jinja template filled in (transformers, "Chat templates"). */
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import { formFault, readJson } from '../files/atomic.ts';
import type { Model, Tokenizer } from './types.ts';

/** One turn of a conversation; `role` is system, user or assistant for most models. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

const messagesSchema = z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1);

/**
 * A conversation from a JSON file: `[{"role": "user", "content": "…"}, …]`.
 * @throws ModelError `model.messages`; FileError `file.missing`
 */
export const readMessages = (path: string): Promise<Message[]> =>
  readJson(path, messagesSchema).catch((error: unknown) => {
    const fault = formFault(error);
    if (fault === undefined) throw error;
    throw new ModelError('model.messages', `${path} holds no conversation: ${fault}`, {
      where: path,
      hint: 'write it as [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]',
      cause: error,
    });
  });

const named = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const settingsSchema = z.looseObject({
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))])
    .nullish(),
  bos_token: named,
  eos_token: named,
  pad_token: named,
  unk_token: named,
  eos_token_id: z.union([z.number(), z.array(z.number())]).nullish(),
});

const settingsOf = (tokenizer: Tokenizer) => settingsSchema.safeParse(tokenizer.files?.config ?? {}).data;

/** The template of a model, if it has one. */
export function chatTemplate(tokenizer: Tokenizer): string | undefined {
  const said = settingsOf(tokenizer)?.chat_template;
  if (typeof said === 'string') return said;
  return (said?.find(({ name }) => name === 'default') ?? said?.[0])?.template;
}

/** Tokens after which a model has said all: those its files name. */
export function endTokens(tokenizer: Tokenizer): readonly number[] {
  const settings = settingsOf(tokenizer);
  const ids = new Set([settings?.eos_token_id ?? []].flat());
  const text = typeof settings?.eos_token === 'string' ? settings.eos_token : settings?.eos_token?.content;
  // As one token, or not at all.
  const [id, ...rest] = text ? tokenizer.encode(text) : [];
  if (id !== undefined && rest.length === 0) ids.add(id);
  return [...ids];
}

/**
 * The text of a conversation, ready for the model's answer. Special tokens are written out in it: encode it as it is,
 * with nothing in front.
 * @throws ModelError `model.no-chat` (no template), `model.chat` (the template refuses these messages, or is damaged)
 */
export function renderChat(
  { name, tokenizer }: Pick<Model, 'name' | 'tokenizer'>,
  messages: readonly Message[],
): string {
  const template = chatTemplate(tokenizer);
  if (template === undefined) {
    throw new ModelError('model.no-chat', `${name} has no chat template: it was not trained to converse`, {
      where: name,
      hint: 'use --prompt and write the text yourself, or take the instruct version of the model',
    });
  }
  const settings = settingsOf(tokenizer)!;
  const specials = Object.fromEntries(
    (['bos_token', 'eos_token', 'pad_token', 'unk_token'] as const).flatMap((key) => {
      const value = settings[key];
      return value ? [[key, typeof value === 'string' ? value : value.content]] : [];
    }),
  );
  try {
    return new Template(template).render({ ...specials, messages, add_generation_prompt: true });
  } catch (cause) {
    throw new ModelError(
      'model.chat',
      `the chat template of ${name} does not take this: ${(cause as Error).message}`,
      {
        where: name,
        hint: 'most templates want turns of user and assistant in alternation, and some no system prompt',
        cause,
      },
    );
  }
}
