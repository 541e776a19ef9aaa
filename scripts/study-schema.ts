/** @file Writes schemas/study.schema.json, the JSON Schema that editors complete study files with. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { studyJsonSchema } from '../src/study/schema.ts';

mkdirSync(new URL('../schemas/', import.meta.url), { recursive: true });
writeFileSync(
  new URL('../schemas/study.schema.json', import.meta.url),
  `${JSON.stringify(studyJsonSchema(), null, 2)}\n`,
);
