/** @file Features: all sites beside each other, one site's list, one feature. */
import { useCallback, useMemo } from 'react';
import { learningPicture } from '../../../../src/pictures/curves.ts';
import { fixed, percent } from '../../../../src/pictures/scale.ts';
import type { DictionaryResult, StudyState, SweepResult } from '../../api/types.ts';
import { Link, type Place, paths } from '../../router.tsx';
import { siteName } from '../../ui/feature-name.tsx';
import { count } from '../../ui/numbers.tsx';
import { Picture } from '../../ui/picture.tsx';
import { NotYet } from '../../ui/told.tsx';
import { Word } from '../../ui/word.tsx';
import { byDepth } from '../../words/sites.ts';
import { Comparison } from './comparison.tsx';
import { FeaturePage } from './feature-page.tsx';
import { SiteList } from './site-list.tsx';

export function FeaturesPage({ study, place }: { study: StudyState; place: Place }) {
  const dictionaries = useMemo(() => byDepth(study.results.dictionaries), [study.results.dictionaries]);
  const [, site, id] = place.parts;
  if (site && id !== undefined) return <FeaturePage site={site} id={Number(id)} />;
  if (dictionaries.length === 0) return <NotYet stage="features" what="The features" />;
  if (site) return <SiteList site={site} dictionaries={dictionaries} />;
  return <Sites dictionaries={dictionaries} sweeps={study.results.sweeps} />;
}

function Sites({
  dictionaries,
  sweeps,
}: {
  dictionaries: readonly DictionaryResult[];
  sweeps: readonly SweepResult[];
}) {
  const draw = useCallback(
    (width: number) =>
      learningPicture(
        dictionaries.map((one) => ({ name: siteName(one.site), curve: one.curve })),
        { width: Math.min(width, 980), height: 320 },
      ),
    [dictionaries],
  );
  return (
    <>
      <h1>What it has features for</h1>
      <p className="lead">
        At each <Word term="site" /> a <Word term="dictionary" /> was learned: it describes every token’s
        state by a few active <Word term="feature">features</Word>. Choose a site to look through them.
      </p>
      <section className="section">
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>site</th>
                <th>kind</th>
                <th className="n">features</th>
                <th className="n">
                  <Word term="fve" />
                </th>
                <th className="n">
                  <Word term="l0" />
                </th>
                <th className="n">
                  <Word term="ceRecovered" />
                </th>
                <th className="n">
                  <Word term="dead" />
                </th>
                <th className="n">tokens per second</th>
              </tr>
            </thead>
            <tbody>
              {dictionaries.map((one) => (
                <tr key={one.site}>
                  <td>
                    <Link to={paths.features(one.site)}>{siteName(one.site)}</Link>{' '}
                    <code className="soft small">{one.site}</code>
                  </td>
                  <td>{one.architecture ?? 'topk'}</td>
                  <td className="n">{count(one.features)}</td>
                  <td className="n">{percent(one.fve, 1)}</td>
                  <td className="n">{fixed(one.l0, 1)}</td>
                  <td className="n">{percent(one.ceRecovered, 1)}</td>
                  <td className="n">{percent(one.dead, 1)}</td>
                  <td className="n">{count(one.tokensPerSecond)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p className="small soft source">
          Nulls: predicting the mean explains 0 % of the variance and recovers 0 % of the cross-entropy.
          Scored on articles that no training window came from.
        </p>
      </section>
      <section className="section">
        <h2>How they were learned</h2>
        <p className="says">
          Share of the state’s variation that the features rebuild on <Word term="heldOut">held-out</Word>{' '}
          text, by tokens seen.
        </p>
        <Picture draw={draw} />
      </section>
      {sweeps.map((sweep) => (
        <Comparison key={sweep.site} sweep={sweep} />
      ))}
    </>
  );
}
