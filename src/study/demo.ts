/** @file The study of `untangle demo`: examples/demo.yaml, which is also what `study init` writes. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseStudy } from './parse.ts';
import type { Study } from './schema.ts';

const file = fileURLToPath(new URL('../../examples/demo.yaml', import.meta.url));

/** The demo's study. */
export const demoStudy = async (): Promise<Study> => parseStudy(await readFile(file, 'utf8'), 'demo.yaml');

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
