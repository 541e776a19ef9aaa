/** @file The text: where it is from, how much of it, and which positions were left out. */
import { percent } from '../../../src/pictures/scale.ts';
import type { StudyResults } from '../api/types.ts';
import { siteName } from '../ui/feature-name.tsx';
import { count } from '../ui/numbers.tsx';
import { NotYet } from '../ui/told.tsx';
import { Word } from '../ui/word.tsx';
import { byDepth, capital } from '../words/sites.ts';
import { Fact } from './model.tsx';

export function TextPage({ results }: { results: StudyResults }) {
  const { text } = results;
  if (!text) return <NotYet stage="text" what="The text" />;
  return (
    <>
      <h1>The text it read</h1>
      <p className="lead">
        {capital(text.source)}. Features were learned on one part and scored on articles that no training
        window came from.
      </p>
      <dl className="facts">
        <Fact name="documents" value={count(text.documents)} />
        <Fact name="tokens to learn from" value={count(text.trainTokens)} />
        <Fact name="tokens held out" value={count(text.heldOutTokens)} />
      </dl>
      <p className="small soft source">{text.attribution}</p>
      <section className="section">
        <h2>Left out, and why</h2>
        <p className="says">
          At the first position of a text, and at a few delimiters, the model’s state is far larger than
          elsewhere, in some models a hundred times: <Word term="sink">attention sinks</Word>. They are found
          by rule (norm above 7 times the median), kept out of learning and scores, and passed through
          untouched when features are put into the model.
        </p>
        {text.leftOut.length === 0 ? (
          <p className="soft">The positions are counted while the activations are harvested.</p>
        ) : (
          <table>
            <thead>
              <tr>
                <th>site</th>
                <th className="n">first positions</th>
                <th className="n">by norm</th>
                <th className="n">share left out by norm</th>
              </tr>
            </thead>
            <tbody>
              {byDepth(text.leftOut).map((one) => (
                <tr key={one.site}>
                  <td>
                    {siteName(one.site)} <code className="soft small">{one.site}</code>
                  </td>
                  <td className="n">{count(one.first)}</td>
                  <td className="n">{count(one.byNorm)}</td>
                  <td className="n">{percent(one.share, 3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </>
  );
}
