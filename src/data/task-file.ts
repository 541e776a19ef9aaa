/** @file Tasks of your own: a YAML or JSON file with pairs of prompts; every mistake is named with its example. */
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { DataError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { readText } from '../files/atomic.ts';
import { commonLength, type Example, type Task, type TextTokenizer, tokenizeExample } from './examples.ts';
import { numberedPositions, split } from './templates.ts';

const exampleSchema = z.strictObject({
  clean: z.string().min(1).describe('the prompt that calls for `answer`'),
  patch: z
    .string()
    .min(1)
    .describe('the same prompt with one fact changed, calling for `wrong`; as many tokens'),
  answer: z
    .string()
    .min(1)
    .describe('what should follow the clean prompt: one token, with its leading space'),
  wrong: z.string().min(1).describe('what should follow the patch prompt: one token, with its leading space'),
  labels: z.record(z.string(), z.string()).optional().describe('notes on the example, shown beside it'),
});

/** The form of a task file. */
export const taskFileSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/, 'small letters, digits and hyphens only')
    .describe('short name'),
  title: z.string().optional().describe('heading in reports'),
  question: z.string().optional().describe('what the behaviour is, as one plain question'),
  positions: z.array(z.string()).optional().describe('what stands at each token position'),
  examples: z.array(exampleSchema).min(2).describe('pairs of prompts'),
  heldOut: z.array(exampleSchema).optional().describe('pairs for testing; a third of `examples` if left out'),
});

/**
 * The task in a file (`.yaml`, `.yml` or `.json`).
 * @throws FileError `file.missing`; DataError `task.syntax`, `task.form`, and what tokenizing finds
 *   (`task.unequal-length`, `task.answer-tokens`, `task.no-contrast`), each naming the example
 */
export async function readTask(path: string, tokenizer: TextTokenizer, seed: number): Promise<Task> {
  const text = await readText(path);
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw new DataError('task.syntax', `${path} is neither YAML nor JSON: ${(error as Error).message}`, {
      where: path,
      hint: 'mind the indentation and quote texts with colons',
      cause: error,
    });
  }
  return customTask(value, tokenizer, seed, path);
}

/** The task that `value` (parsed YAML or JSON) describes; `where` names its origin in errors. */
export function customTask(value: unknown, tokenizer: TextTokenizer, seed: number, where = 'task'): Task {
  const parsed = taskFileSchema.safeParse(value);
  if (!parsed.success) {
    throw new DataError('task.form', `${where}: ${parsed.error.issues.map(sentence).join('; ')}`, {
      where,
      hint: 'a task needs `name` and `examples`, each with clean, patch, answer and wrong',
    });
  }
  const { name, title, question, positions, examples, heldOut } = parsed.data;
  const encode = (texts: typeof examples, kind: string): Example[] =>
    texts.map((text, i) => tokenizeExample(tokenizer, text, `${where}, ${kind} ${i + 1}`));
  const given = encode(examples, 'example');
  const kept = heldOut && encode(heldOut, 'held-out example');
  const length = commonLength([...given, ...(kept ?? [])], where);
  if (positions && positions.length !== length) {
    throw new DataError(
      'task.positions',
      `${where}: ${positions.length} names for ${length} token positions`,
      {
        where,
        hint: 'name every token, or leave `positions` out',
      },
    );
  }
  const [train, rest] = kept ? [given, kept] : split(given, 2 / 3, random(seed).fork(name));
  return {
    name,
    title: title ?? name,
    question: question ?? `Why does "${examples[0]!.clean}" go on with "${examples[0]!.answer}"?`,
    metric: 'logit-difference',
    positions: positions ?? numberedPositions(length),
    train,
    heldOut: rest,
  };
}

/** A zod issue with its place in words: "example 3, answer: …". */
function sentence(issue: { path: readonly PropertyKey[]; message: string }): string {
  const place = issue.path
    .map((key) => (typeof key === 'number' ? `example ${key + 1}` : String(key)))
    .filter((key) => key !== 'examples')
    .join(', ');
  return place === '' ? issue.message : `${place}: ${issue.message}`;
}
