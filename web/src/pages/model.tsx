/** @file The model: what was opened, what it says next, and where it can be read. */
import { useCallback } from 'react';
import { nextTokenBars } from '../../../src/pictures/bars.ts';
import { percent } from '../../../src/pictures/scale.ts';
import type { ModelSummary, StudyResults } from '../api/types.ts';
import { Link, paths } from '../router.tsx';
import { count } from '../ui/numbers.tsx';
import { Picture } from '../ui/picture.tsx';
import { NotYet } from '../ui/told.tsx';
import { Word } from '../ui/word.tsx';
import { byDepth, capital } from '../words/sites.ts';

export function ModelPage({ results }: { results: StudyResults }) {
  const { model } = results;
  if (!model) return <NotYet stage="model" what="The model" />;
  return (
    <>
      <h1>{model.name}</h1>
      <p className="lead">{capital(model.note)}.</p>
      <dl className="facts">
        <Fact name="parameters" value={count(model.parameters)} />
        <Fact name="blocks" value={count(model.layers)} />
        <Fact name="width of its state" value={count(model.width)} />
        <Fact name="tokens it knows" value={count(model.vocabulary)} />
        <Fact
          name="“Mary and John” prompts right"
          value={`${model.logits.ioiCorrect} of ${model.logits.of}`}
          note={`P(Mary) after the best-known one: ${percent(model.logits.pMary, 1)}`}
        />
      </dl>
      <p className="small soft source">From {model.source}</p>

      <section className="section">
        <h2>What it expects next</h2>
        <p className="says">
          The probability of the next token after each prompt, the most probable first. A dot marks a space.
        </p>
        <div className="examples">
          {model.examples.map((example) => (
            <Example key={example.prompt} example={example} />
          ))}
        </div>
      </section>

      <section className="section">
        <h2>Where it was read</h2>
        <p className="says">
          Every <Word term="site" /> has the name that TransformerLens gives it. Features were learned at
          these:
        </p>
        {results.dictionaries.length === 0 ? (
          <p className="soft">None yet: features are learned after the text has been read.</p>
        ) : (
          <ul className="sites">
            {byDepth(results.dictionaries).map((one) => (
              <li key={one.site}>
                <Link to={paths.features(one.site)}>
                  <code>{one.site}</code>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

export function Fact({ name, value, note }: { name: string; value: string; note?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

function Example({ example }: { example: ModelSummary['examples'][number] }) {
  const draw = useCallback(
    (width: number) =>
      nextTokenBars(
        example.tokens.slice(0, 8),
        width,
        `Probabilities of the next token after: ${example.prompt}`,
      ),
    [example],
  );
  return (
    <figure>
      <figcaption className="prompt mono">{example.prompt}</figcaption>
      <Picture draw={draw} />
    </figure>
  );
}
