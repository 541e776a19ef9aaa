/** @file The bias study: every method's figures, whole trade-off curves, the path, and a person's choice of features. */
import { useCallback } from 'react';
import { endPointVerdicts } from '../../../../src/edits/bias/end-point.ts';
import { number } from '../../../../src/pictures/scale.ts';
import { biasPathPicture, biasTradeOff } from '../../../../src/study/bias/draw.ts';
import { useAsk } from '../../api/client.ts';
import type { BiasResult } from '../../api/types.ts';
import { Link, useQuery } from '../../router.tsx';
import { siteName } from '../../ui/feature-name.tsx';
import { count, duration, withInterval } from '../../ui/numbers.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Failed, Told } from '../../ui/told.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice, useTime } from '../mechanics/knob.tsx';
import { Chooser } from './chooser.tsx';
import { OtherTasks } from './other-tasks.tsx';
import { Rows } from './rows.tsx';

export function BiasPage({ name }: { name?: string | undefined }) {
  const names = useAsk<{ names: readonly string[] }>('/api/bias');
  const shown = name ?? names.value?.names[0];
  const asked = useAsk<BiasResult>(
    shown === undefined ? undefined : `/api/bias/${encodeURIComponent(shown)}`,
  );
  if (names.status === 'failed') return <Failed error={names.error} />;
  if (names.status === 'ready' && shown === undefined) {
    return (
      <Told title="A bias study: not there yet">
        <p>
          A classifier that was trained on biased data, made fairer by every method there is, and what each
          costs. It is a study of its own, on real biographies or on a table of yours:
        </p>
        <code>untangle study bias</code>
        <code>untangle study bias --table FILE.csv --outcome COLUMN --protected COLUMN</code>
        <p>Its result stays in the workspace, and this page shows it.</p>
      </Told>
    );
  }
  if (asked.status === 'failed') return <Failed error={asked.error} />;
  if (asked.status === 'loading') return <Told title="Looking into the workspace …" />;
  return (
    <>
      <h1>Removing a bias from a classifier</h1>
      <Studies names={names.value?.names ?? []} current={asked.value.name} />
      <Study result={asked.value} />
    </>
  );
}

function Studies({ names, current }: { names: readonly string[]; current: string }) {
  if (names.length < 2) return null;
  return (
    <nav className="tabs" aria-label="Bias studies">
      {names.map((name) => (
        <Link key={name} to={`/bias/${encodeURIComponent(name)}`} current={name === current}>
          {name}
        </Link>
      ))}
    </nav>
  );
}

function Study({ result }: { result: BiasResult }) {
  const { outcome, protected: attribute, model, site, seeds, dictionaries } = result;
  return (
    <>
      <p className="lead">
        A <Word term="probe">probe</Word> tells {outcome.values.join(' from ')} ({outcome.name}). It learned
        from people among whom {outcome.name} and {attribute.name} were one and the same, and is tested where
        they are not. {model.name}, {siteName(site)}; {seeds.probes} probe seeds, {dictionaries.length}{' '}
        {dictionaries.length === 1 ? 'dictionary' : 'dictionaries'}; nothing was chosen on the test data.
      </p>
      <Verdicts result={result} />
      <Rows result={result} />
      <OtherTasks result={result} />
      <Curves result={result} />
      <Paths result={result} />
      <Chooser result={result} />
      <Counts result={result} />
    </>
  );
}

const outcomeWords = { supported: 'holds', refuted: 'does not hold', undecided: 'not decided' } as const;

function Verdicts({ result: { verdicts } }: { result: BiasResult }) {
  if (verdicts.length === 0) return null;
  return (
    <section className="section" aria-labelledby="verdicts">
      <h2 id="verdicts">What was claimed beforehand, and what came out</h2>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>claim</th>
              <th>verdict</th>
              <th>compared</th>
              <th className="n">difference</th>
              <th className="n">margin</th>
            </tr>
          </thead>
          <tbody>
            {verdicts.map((one) => (
              <tr key={`${one.claim}/${one.quantity}`}>
                <td>{one.claim}</td>
                <td>
                  <strong>{outcomeWords[one.outcome]}</strong>
                </td>
                <td>
                  {one.quantity} <span className="small soft">({one.units})</span>
                </td>
                <td className="n">{withInterval(one.difference, 3)}</td>
                <td className="n">{number(one.margin)}</td>
              </tr>
            ))}
            {endPointVerdicts(verdicts).map((one) => (
              <tr key={`${one.claim}/${one.quantity}`}>
                <td>{one.claim}</td>
                <td>
                  <strong>{outcomeWords[one.outcome]}</strong>
                </td>
                <td>{one.quantity}</td>
                <td colSpan={2} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Curves({ result }: { result: BiasResult }) {
  const [asked, choose] = useQuery('against', 'leakage');
  const against = asked === 'kl' ? 'kl' : 'leakage';
  const draw = useCallback(
    (width: number) => biasTradeOff(result, against, { width: Math.min(width, 1000), height: 460 }),
    [result, against],
  );
  return (
    <section className="section" aria-labelledby="curves">
      <h2 id="curves">The whole trade-off</h2>
      <p className="says">
        Each line goes from the untouched network to the full edit (large dot). Up is better, left is better;
        a line above another at the same place is the better way only where the crosses, 95 %{' '}
        <Word term="interval">intervals</Word>, stay apart.
      </p>
      <div className="knobs">
        <Choice
          label="Against"
          value={against}
          of={['leakage', 'kl']}
          words={{ leakage: 'leakage', kl: 'KL on plain text' }}
          onChange={choose}
        />
      </div>
      <div className="scroll">
        <Picture draw={draw} least={560} />
      </div>
    </section>
  );
}

function Paths({ result }: { result: BiasResult }) {
  const { paths } = result;
  const [asked, choose] = useQuery('path', 'least-action');
  const path = paths.find((one) => one.method === asked) ?? paths[0];
  const { time, scrubber } = useTime(6);
  const draw = useCallback(
    (width: number) =>
      path ? biasPathPicture(path, result, { width: Math.min(width, 900), height: 520 }, time) : '',
    [path, result, time],
  );
  if (!path) return null;
  const spread = Math.max(...path.H_c_K) - Math.min(...path.H_c_K);
  return (
    <section className="section" aria-labelledby="path">
      <h2 id="path">The way there</h2>
      <p className="says">
        On the <Word term="editClock">edit clock</Word> the strengths of features go from 1 to their end.
        Solid ones are turned down, dashed ones are free to compensate. Below: what moving costs, T, what
        being there costs, V, and <Word term="controlEnergy">H_c = T − V</Word>, the article’s formula; along
        a path of <Word term="leastAction">least action</Word> it stays the same (here it varies by{' '}
        {number(spread)}).
      </p>
      <div className="knobs">
        <Choice label="Path" value={path.method} of={paths.map((one) => one.method)} onChange={choose} />
        {scrubber}
      </div>
      <Picture draw={draw} />
    </section>
  );
}

function Counts({ result }: { result: BiasResult }) {
  return (
    <section className="section" aria-labelledby="people">
      <h2 id="people">Who the figures speak of</h2>
      <p className="says">
        Swapped: pronouns, gendered words and first names exchanged by rules. {result.attribution}
      </p>
      <div className="scroll">
        <table className="narrow">
          <thead>
            <tr>
              <th>set</th>
              <th>{result.outcome.name}</th>
              <th>{result.protected.name}</th>
              <th className="n">natural</th>
              <th className="n">swapped</th>
            </tr>
          </thead>
          <tbody>
            {result.counts.map((one) => (
              <tr key={`${one.set}/${one.outcome}/${one.protected}`}>
                <td>{one.set}</td>
                <td>{one.outcome}</td>
                <td>{one.protected}</td>
                <td className="n">{count(one.natural)}</td>
                <td className="n">{count(one.swapped)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="small soft">
        Made by <code>{result.command}</code> in {duration(result.seconds)}.
      </p>
    </section>
  );
}
