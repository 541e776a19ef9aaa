/** @file Reads a study file: YAML text to a Study, every error with its line and the nearest key. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { nearestNames, StudyError } from '../core/errors.ts';
import { builtInTasks } from '../data/tasks.ts';
import { moduleName } from '../energy/concept/load.ts';
import { checkEntry } from './dictionary-schema.ts';
import { normaliseStudy, type Study, studyFileSchema } from './schema.ts';

/**
 * A study from the text of a study file.
 * @param where name shown in errors, e.g. the file's name
 * @param folder relative paths in the study (model, text, tasks) are taken from here when they exist there
 * @throws StudyError `study.yaml` (not YAML), `study.invalid` (wrong key, type or value), each with its line
 */
export function parseStudy(text: string, where = 'study', folder?: string): Study {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken) {
    throw new StudyError('study.yaml', `this is not valid YAML: ${broken.message.split('\n')[0]}`, {
      where: `${where}:${broken.linePos?.[0].line ?? 1}`,
      hint: 'indent with spaces, and put text that holds ": " or "#" in quotes',
    });
  }
  const parsed = studyFileSchema.safeParse(document.toJS() ?? {});
  const at = (path: readonly PropertyKey[]) => `${where}:${lineOf(document, path, lines)}`;
  if (!parsed.success) throw invalid(flatten(parsed.error.issues), at, where, document.toJS());
  const study = normaliseStudy(parsed.data);
  checkNames(study, at);
  return folder === undefined ? study : withPaths(study, folder);
}

/** Reads and parses a study file. @throws StudyError `study.not-found` beside those of parseStudy. */
export async function readStudy(path: string): Promise<Study> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StudyError('study.not-found', `no study file can be read at ${path}`, {
      where: path,
      hint: '`untangle study init` writes one to start from',
      cause,
    });
  }
  return parseStudy(text, basename(path), dirname(resolve(path)));
}

type Issue = z.core.$ZodIssue;

/** A union's failure says nothing; the branch that got deepest says what was meant. */
function flatten(issues: readonly Issue[], prefix: readonly PropertyKey[] = []): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ ...issue, path }];
    const depth = (branch: readonly Issue[]) =>
      Math.max(...branch.map((i) => (i.code === 'invalid_type' && i.path.length === 0 ? -1 : i.path.length)));
    const best = [...issue.errors].sort((a, b) => depth(b) - depth(a))[0] ?? [];
    return flatten(best, path);
  });
}

const SCHEMA_HINT =
  'docs/study-file.md lists every key with its default; `untangle study init` writes an example';

/** One error from zod's issues: the first is the message, the rest are counted. */
function invalid(
  issues: readonly Issue[],
  at: (path: readonly PropertyKey[]) => string,
  where: string,
  written: unknown,
): StudyError {
  const issue = issues[0];
  if (!issue) return new StudyError('study.invalid', 'the study is not valid', { where, hint: SCHEMA_HINT });
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  const place = issue.path.length > 0 ? issue.path.join('.') : 'the study';
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const known = keysAt(issue.path, written);
    const [nearest] = nearestNames(key, known, 1);
    return new StudyError('study.invalid', `${place} has no key "${key}"${more}`, {
      where: at([...issue.path, key]),
      hint: `did you mean "${nearest}"? The keys here are ${known.join(', ')}`,
    });
  }
  const known = issue.code === 'invalid_union' && 'options' in issue ? (issue.options as unknown[]) : [];
  if (known.length > 0) {
    const names = known.filter((name) => typeof name === 'string');
    const given = issue.path.reduce<unknown>(
      (value, key) => (value as Record<PropertyKey, unknown>)?.[key],
      written,
    );
    if (/^(skip-)?transcoder$|^crosscoder$/.test(String(given)))
      return new StudyError('study.invalid', `${place}: a study has no place for a ${given}${more}`, {
        where: at(issue.path),
        hint: `\`untangle dictionaries train\` learns one; a study learns ${names.join(', ')}`,
      });
    return new StudyError('study.invalid', `${place}: there is no "${given}"${more}`, {
      where: at(issue.path),
      hint: `did you mean "${nearestNames(String(given), names, 1)[0]}"? Known are ${names.join(', ')}`,
    });
  }
  const missing = issue.code === 'invalid_type' && /received undefined/.test(issue.message);
  return new StudyError(
    'study.invalid',
    missing
      ? `${place} is missing${more}`
      : `${place}: ${issue.message.replace(/^Invalid input: /, '')}${more}`,
    {
      where: at(missing ? issue.path.slice(0, -1) : issue.path),
      hint: SCHEMA_HINT,
    },
  );
}

/** Keys that the schema knows at a path, in the branch that what is written there belongs to. */
function keysAt(path: readonly PropertyKey[], written: unknown): string[] {
  let schema: unknown = studyFileSchema;
  let value = written;
  for (const step of path) {
    const shape = objectIn(schema, value);
    schema = typeof step === 'number' ? arrayIn(schema)?.element : shape?.shape[String(step)];
    value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  }
  return Object.keys(objectIn(schema, value)?.shape ?? {});
}

/** The schema behind defaults and the branch of a union that `is` accepts. */
function inside<T extends z.ZodType>(schema: unknown, is: (s: unknown) => s is T): T | undefined {
  if (is(schema)) return schema;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return inside(schema.def.innerType, is);
  }
  if (schema instanceof z.ZodUnion) {
    for (const option of schema.def.options) {
      const found = inside(option, is);
      if (found) return found;
    }
  }
  return undefined;
}
const isObject = (s: unknown): s is z.ZodObject<z.ZodRawShape> => s instanceof z.ZodObject;
const arrayIn = (schema: unknown) =>
  inside(schema, (s: unknown): s is z.ZodArray<z.ZodType> => s instanceof z.ZodArray);

/** The object schema inside; of a union by a discriminator, the branch that `value` names. */
function objectIn(schema: unknown, value: unknown): z.ZodObject<z.ZodRawShape> | undefined {
  const union = inside(schema, (s: unknown) => s instanceof z.ZodDiscriminatedUnion);
  if (!union) return inside(schema, isObject);
  const { discriminator, options } = union.def;
  const named = (value as Record<string, unknown> | undefined)?.[discriminator];
  const branches = options.filter(isObject);
  return branches.find((b) => (b.shape[discriminator] as z.ZodType).safeParse(named).success) ?? branches[0];
}

/** Line (from 1) of the value at `path`, or of the nearest parent that is written in the file. */
function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    const key = path[length - 1];
    const items = (parent as { items?: unknown[] } | null)?.items ?? [];
    const item =
      typeof key === 'number'
        ? items[key]
        : items.find((pair) => String((pair as { key?: unknown }).key) === String(key));
    const node = (item as { key?: { range?: number[] } } | undefined)?.key ?? item;
    const start = (node as { range?: readonly number[] } | undefined)?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}

/** Names that must be unique or exist. */
function checkNames(study: Study, at: (path: readonly PropertyKey[]) => string): void {
  study.dictionaries.forEach((dictionary, index) => {
    if (study.dictionaries.findIndex((d) => d.site === dictionary.site) < index) {
      throw new StudyError('study.duplicate', `two dictionaries at the site ${dictionary.site}`, {
        where: at(['dictionaries', index]),
        hint: 'a study goes on with one dictionary per site; lists (k: [16, 32, 64]) compare several',
      });
    }
    checkEntry(dictionary, study.text.trainTokens, at(['dictionaries', index]));
  });
  study.tasks.forEach((task, index) => {
    if (study.tasks.findIndex((t) => t.name === task.name) < index) {
      throw new StudyError('study.duplicate', `two tasks are called ${task.name}`, {
        where: at(['tasks', index]),
        hint: 'give one of them another name',
      });
    }
    const names = builtInTasks.map(({ name }) => name);
    if (!task.file && !names.includes(task.name)) {
      throw new StudyError('study.unknown-task', `there is no built-in task "${task.name}"`, {
        where: at(['tasks', index]),
        hint: `did you mean "${nearestNames(task.name, names, 1)[0]}"? A task of your own needs file:`,
      });
    }
  });
  study.concepts.forEach((path, index) => {
    if (study.concepts.findIndex((other) => moduleName(other) === moduleName(path)) < index) {
      throw new StudyError('study.duplicate', `two concepts are called ${moduleName(path)}`, {
        where: at(['concepts', index]),
        hint: 'results go by the name of the file: rename one of them',
      });
    }
  });
  if (study.concepts.length > 0 && study.tasks.length === 0) {
    throw new StudyError('study.no-task', 'concepts are measured on tasks, and the study has none', {
      where: at(['concepts']),
      hint: 'add a task, e.g. tasks: [agreement]',
    });
  }
  if (study.edit && !study.tasks.some((task) => task.name === study.edit?.task)) {
    throw new StudyError('study.unknown-task', `edit.task "${study.edit.task}" is not among the tasks`, {
      where: at(['edit', 'task']),
      hint: `tasks in this study: ${study.tasks.map((t) => t.name).join(', ') || 'none'}`,
    });
  }
}

/** Relative paths are taken from the study file's folder where something lies there. */
function withPaths(study: Study, folder: string): Study {
  const place = (path: string) => {
    const full = resolve(folder, path);
    return existsSync(full) ? full : path;
  };
  return {
    ...study,
    model: place(study.model),
    text: { ...study.text, source: place(study.text.source) },
    dictionaries: study.dictionaries.map((one) => (one.from ? { ...one, from: place(one.from) } : one)),
    tasks: study.tasks.map((task) => (task.file ? { ...task, file: place(task.file) } : task)),
    concepts: study.concepts.map(place),
  };
}
