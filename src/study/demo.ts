/** @file The study of `untangle demo`: examples/demo.yaml, which is also what `study init` writes; what runs without network. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { reportError } from '../core/errors.ts';
import { parseStudy } from './parse.ts';
import type { Study } from './schema.ts';

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
const file = example('demo.yaml');

/** The demo's study. */
export const demoStudy = async (): Promise<Study> => parseStudy(await readFile(file, 'utf8'), 'demo.yaml');

/** What the demo does in place of a study whose model or text cannot be had. */
export interface Instead {
  readonly study: Study;
  /** What is different, for people. */
  readonly notice: string;
}

/** Codes of failures to fetch a text; a model's failures all arrive as `model.unavailable`. */
const textUnavailable =
  /^(file\.(no-npm|no-pip|package|download|offline|proxy|refused|rate-limit)|text\.package)$/;

/**
 * The demo without what a failure says cannot be downloaded: the small model of this package for SmolLM2, speeches and
 * chapters of this package for Wikipedia. Undefined when the failure is of another kind.
 */
export async function demoInstead(demo: Study, error: unknown): Promise<Instead | undefined> {
  const { code } = reportError(error);
  const again = 'With a connection, the same command takes what the demo is made for.';
  if (code === 'model.unavailable') {
    const study = parseStudy(await readFile(example('tiny.yaml'), 'utf8'), 'tiny.yaml');
    return {
      study: { ...study, seed: demo.seed },
      notice: `${demo.model} could not be downloaded. The journey goes on with tiny, a model of 1.3 million parameters that lies in this package, and with one behaviour, subject-verb agreement: it shows the method, and says nothing about larger models. ${again}`,
    };
  }
  if (!textUnavailable.test(code) || demo.text.source === SHIPPED_TEXT) return undefined;
  return {
    study: { ...demo, text: { ...demo.text, source: SHIPPED_TEXT } },
    notice: `The text ${demo.text.source} could not be downloaded. Features are learned from speeches and chapters of this package instead (${SHIPPED_TEXT}). ${again}`,
  };
}

const SHIPPED_TEXT = 'tiny-held-out';

/** The demo's text for a new study file; the editor hint points to this package's copy of the schema. */
export async function demoText(): Promise<string> {
  const schema = fileURLToPath(new URL('../../schemas/study.schema.json', import.meta.url));
  const text = await readFile(file, 'utf8');
  return text
    .replace('../schemas/study.schema.json', schema)
    .replace(
      '# The journey of `untangle demo`. Copy it, change a line, and run it with `untangle study FILE.yaml`:',
      '# A study, to begin with that of `untangle demo`. Change a line and run it with `untangle study FILE.yaml`:',
    );
}
