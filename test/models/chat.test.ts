import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chatTemplate, endTokens, type Message, readMessages, renderChat } from '../../src/models/chat.ts';
import { chatOfFolder, chatOfGguf } from '../../src/models/chat-files.ts';
import { byteTokenizer } from '../../src/models/tokenizer.ts';
import type { Tokenizer } from '../../src/models/types.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Written by test/oracles/chat_templates.py with transformers. */
const oracle = JSON.parse(readFileSync('test/oracles/chat_templates.json', 'utf8')) as {
  templates: Record<string, string>;
  chats: Record<string, Message[]>;
  rows: { template: string; chat: string; text?: string; error?: string }[];
};
const folder = temporaryFolder();
const withConfig = (config: object): Tokenizer => ({ ...byteTokenizer(), files: { tokenizer: {}, config } });
const modelOf = (config: object) => ({ name: 'it', tokenizer: withConfig(config) });

describe('a conversation', () => {
  test.each(oracle.rows)(
    'in the manner of "$template", $chat, is written as transformers writes it',
    (row) => {
      const chat_template = oracle.templates[row.template]!;
      const render = () =>
        renderChat(
          modelOf({ chat_template, bos_token: '<s>', eos_token: { content: '</s>' } }),
          oracle.chats[row.chat]!,
        );
      if (row.text !== undefined) expect(render()).toBe(row.text);
      else
        expect(render).toThrow(
          expect.objectContaining({
            code: 'model.chat',
            message: expect.stringContaining(row.error!) as string,
          }) as Error,
        );
    },
  );
  test('without a template is refused, and so is a damaged template', () => {
    const messages = [{ role: 'user', content: 'a' }];
    expect(() => renderChat(modelOf({}), messages)).toThrow(
      expect.objectContaining({ code: 'model.no-chat' }) as Error,
    );
    for (const chat_template of ['{% for %}', '{{ 1 | no_such_filter }}'])
      expect(() => renderChat(modelOf({ chat_template }), messages)).toThrow(
        expect.objectContaining({ code: 'model.chat' }) as Error,
      );
  });
  test('comes from a JSON file, checked', async () => {
    const path = join(folder, 'chat.json');
    writeFileSync(path, JSON.stringify([{ role: 'user', content: 'Hi' }]));
    expect(await readMessages(path)).toEqual([{ role: 'user', content: 'Hi' }]);
    for (const wrong of ['[]', '[{"role": "user"}]', '{"messages": []}']) {
      writeFileSync(path, wrong);
      await expect(readMessages(path)).rejects.toMatchObject({ code: 'model.messages' });
    }
  });
});

describe('what the files of a model say', () => {
  test('of several templates the default one is taken', () => {
    const several = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'plain' },
    ];
    expect(chatTemplate(withConfig({ chat_template: several }))).toBe('plain');
    expect(chatTemplate(byteTokenizer())).toBeUndefined();
  });
  test('every token that ends a text: by id and by name', () => {
    expect(endTokens(withConfig({ eos_token_id: [3, 4], eos_token: 'A' }))).toEqual([3, 4, 65]);
    expect(endTokens(withConfig({ eos_token: { content: 'A' } }))).toEqual([65]);
    expect(endTokens(withConfig({ eos_token: 'more than one token' }))).toEqual([]);
    expect(endTokens(byteTokenizer())).toEqual([]);
  });
  test('a folder: its own template file, and the ends of both configurations', async () => {
    writeFileSync(join(folder, 'chat_template.jinja'), 'T');
    writeFileSync(join(folder, 'generation_config.json'), '{"eos_token_id": [7, 8]}');
    writeFileSync(join(folder, 'config.json'), '{"eos_token_id": 7}');
    expect(await chatOfFolder(folder)).toEqual({ chat_template: 'T', eos_token_id: [7, 8] });
  });
  test('a GGUF: template, named ends, and control tokens that end a turn', () => {
    const metadata = new Map<string, unknown>([
      ['tokenizer.chat_template', 'T'],
      ['tokenizer.ggml.tokens', ['a', '</s>', '<|im_end|>', '<|eot_id|>', 'b']],
      ['tokenizer.ggml.token_type', [1, 3, 3, 1, 1]],
      ['tokenizer.ggml.eos_token_id', 1],
    ]);
    expect(chatOfGguf(metadata)).toEqual({ chat_template: 'T', eos_token: '</s>', eos_token_id: [1, 2] });
    expect(chatOfGguf(new Map())).toEqual({});
  });
});
