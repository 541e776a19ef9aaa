/** @file SHIFT with a person's choice: candidate features with what they do to both probes; ticks become a file. */
import { useState } from 'react';
import { fixed } from '../../../../src/pictures/scale.ts';
import type { BiasCandidate, BiasResult } from '../../api/types.ts';
import { useQuery } from '../../router.tsx';
import { FeatureName } from '../../ui/feature-name.tsx';
import { TokenText } from '../../ui/tokens.tsx';
import { Word } from '../../ui/word.tsx';

/** Candidates that are listed before a person asks for more. */
const FIRST = 24;
const FILE = 'untangle-choice.json';

/** The choice as `untangle study bias --choice` reads it. */
export const choiceFile = ({ model, site, dictionaries }: BiasResult, features: readonly number[]) => ({
  format: 'untangle-choice',
  version: 1,
  model: model.name,
  modelHash: model.hash,
  site,
  dictionary: dictionaries[0]?.hash ?? '',
  features,
});

export function Chooser({ result }: { result: BiasResult }) {
  const { candidates, outcome, protected: attribute } = result;
  // The ticks stand in the address: a choice can be sent to a colleague.
  const [ticked, setTicked] = useQuery('ticks');
  const chosen = new Set(ticked.split('.').filter(Boolean).map(Number));
  if (candidates.length === 0) return null;
  const features = candidates.map((one) => one.feature).filter((feature) => chosen.has(feature));
  const set = (some: Iterable<number>) => setTicked([...some].join('.') || undefined);
  const toggle = (feature: number) => {
    if (!chosen.delete(feature)) chosen.add(feature);
    set(chosen);
  };
  const save = () => {
    const text = `${JSON.stringify(choiceFile(result, features), null, 2)}\n`;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = FILE;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <section className="section" aria-labelledby="choose">
      <h2 id="choose">Choose yourself which features to remove</h2>
      <p className="says">
        SHIFT lets a person judge: a feature that is about {attribute.name} and not about {outcome.name} may
        go. Beside each stands its share of what all features do to the gap between groups on a{' '}
        <Word term="probe">probe</Word> for {attribute.name} and on one for {outcome.name}; above 0, removing
        it narrows the gap. The documented rule would tick those marked “rule”.
      </p>
      <div className="knobs">
        <button
          type="button"
          className="button"
          onClick={() => set(candidates.filter((one) => one.chosen).map((one) => one.feature))}
        >
          Tick what the rule takes
        </button>
        <button type="button" className="button" onClick={() => set([])} disabled={features.length === 0}>
          None
        </button>
        <button type="button" className="button" onClick={save} disabled={features.length === 0}>
          Save the choice of {features.length}
        </button>
      </div>
      <p className="says" aria-live="polite">
        {features.length === 0
          ? 'Nothing is ticked yet.'
          : 'Saved, it is measured as a row of its own by the command of this study with'}
        {features.length > 0 && (
          <>
            {' '}
            <code>--choice {FILE}</code>
          </>
        )}
      </p>
      <Candidates result={result} chosen={chosen} toggle={toggle} />
    </section>
  );
}

/** The candidates with a box each, the first of them until a person asks for all. */
function Candidates({
  result: { candidates, outcome, protected: attribute, site },
  chosen,
  toggle,
}: {
  result: BiasResult;
  chosen: ReadonlySet<number>;
  toggle: (feature: number) => void;
}) {
  const [all, setAll] = useState(false);
  return (
    <>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>remove</th>
              <th>feature</th>
              <th className="n">on {attribute.name}</th>
              <th className="n">on {outcome.name}</th>
              <th>most active on</th>
            </tr>
          </thead>
          <tbody>
            {(all ? candidates : candidates.slice(0, FIRST)).map((one) => (
              <tr key={one.feature}>
                <td>
                  <input
                    type="checkbox"
                    checked={chosen.has(one.feature)}
                    onChange={() => toggle(one.feature)}
                    aria-label={`remove feature ${one.feature}`}
                  />
                  {one.chosen && <span className="small soft"> rule</span>}
                </td>
                <td>
                  <FeatureName site={site} feature={one.feature} label={one.label} withSite={false} />
                </td>
                <td className="n">{fixed(one.genderEffect, 3)}</td>
                <td className="n">{fixed(one.fieldEffect, 3)}</td>
                <td>
                  <Examples candidate={one} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {candidates.length > FIRST && !all && (
        <button type="button" className="button" onClick={() => setAll(true)}>
          Show all {candidates.length}
        </button>
      )}
    </>
  );
}

function Examples({ candidate: { examples = [] } }: { candidate: BiasCandidate }) {
  const most = Math.max(1e-9, ...examples.flatMap((one) => one.activations));
  return examples.slice(0, 2).map((one, i) => {
    const peak = one.activations.indexOf(Math.max(...one.activations));
    const from = Math.max(0, peak - 8);
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list
      <div className="excerpt" key={i}>
        <TokenText
          tokens={one.tokens.slice(from, peak + 5)}
          activations={one.activations.slice(from, peak + 5)}
          most={most}
        />
      </div>
    );
  });
}
