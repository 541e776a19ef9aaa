/** @file The first thing to read: one sentence made from the results; every number leads to its page. */
import { Fragment } from 'react';
import { type SentencePart, sentenceParts } from '../../../../src/study/sentence.ts';
import type { StudyResults } from '../../api/types.ts';
import { Link } from '../../router.tsx';

/** Numbers stay on one line with their unit and their interval. */
const together = (text: string): string =>
  text.replace(/ %/g, '\u00a0%').replace(/(\d)–(\d)/g, '$1\u2060–\u2060$2');

/** `*word*` as emphasis. */
const Emphasis = ({ text }: { text: string }) =>
  together(text)
    .split(/\*([^*]+)\*/)
    .map((part, i) =>
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one fixed sentence
      i % 2 === 1 ? <em key={i}>{part}</em> : <Fragment key={i}>{part}</Fragment>,
    );

const Part = ({ part }: { part: SentencePart }) =>
  part.page ? (
    <Link to={part.page}>
      <Emphasis text={part.text} />
    </Link>
  ) : (
    <Emphasis text={part.text} />
  );

export function Sentence({ results }: { results: StudyResults }) {
  return (
    <h1 className="sentence">
      {sentenceParts(results).map((part, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one sentence, in order
        <Part key={i} part={part} />
      ))}
    </h1>
  );
}
