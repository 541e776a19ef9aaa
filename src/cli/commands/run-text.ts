/** @file `untangle run --generate` and `--chat`: text on the terminal as it comes, or one document of it. */
import type { Message } from '../../models/chat.ts';
import type { Ended, GeneratedToken } from '../../models/generate.ts';
import type { Rewriting } from '../../models/steps.ts';
import type { Model } from '../../models/types.ts';
import { type Io, printJson } from '../io.ts';
import type { RunOptions } from './run-options.ts';

/** Most tokens of an answer where --generate does not say it. */
const answerLength = 256;

const endings: Readonly<Record<Ended, string>> = {
  stop: 'the model ended it',
  length: 'as many tokens as asked for',
  context: 'the longest text that the model takes',
  interrupted: 'interrupted',
};

/** Lets the model write after a prompt, or answer a conversation. */
export async function writeText(
  model: Model,
  options: RunOptions & { readonly messages?: readonly Message[]; readonly rewriting?: Rewriting },
  io: Io,
): Promise<void> {
  const { messages, temperature, topK, topP, rewriting, threads, seed, cache } = options;
  const { renderChat } = await import('../../models/chat.ts');
  const { encodePrompt } = await import('../../data/examples.ts');
  const { generate } = await import('../../models/generate.ts');
  // A template writes the start token itself.
  const prompt = messages ? renderChat(model, messages) : options.prompt!;
  const ids = messages ? model.tokenizer.encode(prompt) : encodePrompt(model.tokenizer, prompt);
  const begun = performance.now();
  const run = generate(model, {
    input: ids,
    count: options.generate ?? answerLength,
    sampling: {
      temperature,
      ...(topK === undefined ? {} : { topK }),
      ...(topP === undefined ? {} : { topP }),
    },
    ...(seed === undefined ? {} : { seed }),
    ...(rewriting ? { rewriting } : {}),
    cache,
    threads,
    signal: io.signal,
  });
  const tokens: GeneratedToken[] = [];
  let first: number | undefined;
  let ended: Ended;
  for (;;) {
    const { done, value } = await run.next();
    if (done) {
      ended = value;
      break;
    }
    first ??= performance.now();
    tokens.push(value);
    if (!options.json) io.out(value.text);
  }
  const end = performance.now();
  const seconds = {
    prompt: ((first ?? end) - begun) / 1000,
    generation: (end - (first ?? end)) / 1000,
  };
  // The first token comes out of the prompt; the rate is that of those after it.
  const tokensPerSecond = tokens.length > 1 ? (tokens.length - 1) / seconds.generation : null;
  if (options.json) {
    const document = {
      model: { name: model.name, source: model.source, note: model.note },
      ...(messages ? { messages } : {}),
      prompt,
      promptTokens: ids.length,
      ...(options.edit === undefined ? {} : { edit: options.edit }),
      text: tokens.map(({ text }) => text).join(''),
      tokens,
      ended,
      seconds,
      tokensPerSecond,
    };
    printJson(io, document);
    return;
  }
  io.out('\n');
  if (options.quiet) return;
  const rate = tokensPerSecond === null ? '' : `, ${tokensPerSecond.toFixed(1)} tokens/s`;
  io.err(
    io.style.faint(
      `\n${tokens.length} tokens after ${ids.length} (${seconds.prompt.toFixed(1)} s to the first${rate}); ended: ${endings[ended]}\n`,
    ),
  );
  if (model.note) io.err(`${io.style.faint(model.note)}\n`);
}
