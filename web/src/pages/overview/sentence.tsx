/** @file The first thing to read: one sentence made from the results; every number leads to its page. */
import { Fragment } from 'react';
import { type SentencePart, sentenceParts } from '../../../../src/study/sentence.ts';
import type { StudyResults } from '../../api/types.ts';
import { Link } from '../../router.tsx';

/** `*word*` as emphasis. */
const Emphasis = ({ text }: { text: string }) =>
  text.split(/\*([^*]+)\*/).map((part, i) =>
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
