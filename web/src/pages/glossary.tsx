/** @file Every word in one line. */
import { useEffect } from 'react';
import { usePlace } from '../router.tsx';
import { type Entry, entryOf, glossary, type Term } from '../words/glossary.ts';

const terms = (physics: boolean): [Term, Entry][] =>
  (Object.keys(glossary) as Term[])
    .map((term): [Term, Entry] => [term, entryOf(term)])
    .filter(([, entry]) => Boolean(entry.physics) === physics)
    .sort(([, a], [, b]) => a.word.localeCompare(b.word));

export function GlossaryPage() {
  const wanted = usePlace().query.get('word');
  useEffect(() => {
    if (wanted) document.getElementById(`word-${wanted}`)?.scrollIntoView({ block: 'center' });
  }, [wanted]);
  return (
    <>
      <h1>Glossary</h1>
      <p className="lead">
        Every word in one line. Dotted words on the other pages show the same line when you point at them or
        reach them with the Tab key.
      </p>
      <Words title="What is measured" entries={terms(false)} wanted={wanted} />
      <Words title="Words from mechanics" entries={terms(true)} wanted={wanted} />
    </>
  );
}

function Words({
  title,
  entries,
  wanted,
}: {
  title: string;
  entries: [Term, Entry][];
  wanted: string | null;
}) {
  return (
    <section className="section">
      <h2>{title}</h2>
      <dl className="words">
        {entries.map(([term, entry]) => (
          <div key={term} id={`word-${term}`} className={term === wanted ? 'wanted' : ''}>
            <dt>{entry.word}</dt>
            <dd>
              {entry.means}
              {entry.formula && <code>{entry.formula}</code>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
