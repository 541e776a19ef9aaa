/** @file The sequence clock: a feature's phase portrait over real texts, its energies token by token, drift beside its null. */
import { useCallback } from 'react';
import { fixed, number, percent } from '../../../../src/pictures/scale.ts';
import { tracePhasePicture, traceSeriesPicture } from '../../../../src/study/energy/draw.ts';
import type { SequenceReport, StudyResults } from '../../api/types.ts';
import { useQuery } from '../../router.tsx';
import { FeatureName, siteName } from '../../ui/feature-name.tsx';
import { FiresOn } from '../../ui/fires-on.tsx';
import { Picture } from '../../ui/picture.tsx';
import { TokenText } from '../../ui/tokens.tsx';
import { NotYet, Told } from '../../ui/told.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice, Knob, useNumber, useTime } from '../mechanics/knob.tsx';

export function Sequence({ results: { sequence } }: { results: StudyResults }) {
  if (!sequence) return <NotYet stage="energy" what="The sequence clock" />;
  if (!sequence.report) {
    return (
      <Told title="There is no sequence clock in this study">
        <p>{sequence.missing}.</p>
      </Told>
    );
  }
  return <Clock report={sequence.report} />;
}

function Clock({ report }: { report: SequenceReport }) {
  const { clock, features, texts } = report;
  const [chosen, choose] = useQuery('feature', String(features[0]?.feature ?? ''));
  const trace = features.find((one) => String(one.feature) === chosen) ?? features[0];
  if (!trace) {
    return (
      <Told title="No feature was active">
        <p>None of the texts made a feature of {siteName(clock.site)} active.</p>
      </Told>
    );
  }
  return (
    <>
      <p className="lead">
        Time runs over tokens. A feature’s position is its <Word term="activation">activation</Word> q; its
        momentum p is mass × change to the next token. T = p²/2m is how much it moves,{' '}
        <Word term="tokenPotential">V</Word> how much the loss would fall without it: below 0 for a feature
        that helps. Features at {siteName(clock.site)}, {clock.texts} texts of {report.length} tokens (
        {report.text}).
      </p>
      <div className="knobs">
        <Choice
          label="Follow feature"
          value={String(trace.feature)}
          of={features.map(({ feature }) => String(feature))}
          onChange={choose}
        />
        <FeatureName site={clock.site} feature={trace.feature} />
        <FiresOn site={clock.site} feature={trace.feature} />
      </div>
      <Portrait report={report} trace={trace} />
      <Series report={report} trace={trace} texts={texts} />
      <Drift report={report} />
    </>
  );
}

type Trace = SequenceReport['features'][number];

function Portrait({ report: { clock }, trace }: { report: SequenceReport; trace: Trace }) {
  const { time, scrubber } = useTime(6);
  const draw = useCallback(
    (width: number) =>
      tracePhasePicture(trace, clock.site, { width: Math.min(width, 860), height: 420 }, time),
    [trace, clock.site, time],
  );
  return (
    <section className="section" aria-labelledby="portrait">
      <h2 id="portrait">Phase portrait</h2>
      <p className="says">
        Activation against momentum, one line a text, from light to dark. Faint lines join points of equal{' '}
        <Word term="tokenEnergy">energy</Word>, V taken as its mean at each activation. A feature that fires
        once goes round once: up as it appears, down as it goes.
      </p>
      <div className="knobs">{scrubber}</div>
      <Picture draw={draw} />
    </section>
  );
}

function Series({
  report,
  trace,
  texts,
}: {
  report: SequenceReport;
  trace: Trace;
  texts: readonly (readonly string[])[];
}) {
  const [text, setText] = useNumber('text', 1, [1, Math.max(1, texts.length)]);
  const [form, setForm] = useQuery('form', 'textbook');
  const kind = form === 'article' ? 'article' : 'textbook';
  const tokens = texts[text - 1] ?? [];
  const draw = useCallback(
    (width: number) =>
      traceSeriesPicture(trace, text - 1, tokens, kind, { width: Math.min(width, 1000), height: 360 }) ?? '',
    [trace, text, tokens, kind],
  );
  const one = trace.traces.find((shown) => shown.text === text - 1);
  const activations = tokens.map((_, t) => one?.q[one.positions.indexOf(t)] ?? 0);
  return (
    <section className="section" aria-labelledby="series">
      <h2 id="series">Energy over the tokens</h2>
      <p className="says">
        The textbook adds T + V. The article subtracts, T − U, where its U is performance: U = −V. The number
        is the same; only the sign’s name differs.
      </p>
      <div className="knobs">
        <Knob
          label="Text"
          value={text}
          low={1}
          high={Math.max(1, texts.length)}
          step={1}
          onChange={setText}
        />
        <fieldset className="switch">
          <legend className="soft small">Form</legend>
          {(
            [
              ['textbook', 'T + V'],
              ['article', 'T − U'],
            ] as const
          ).map(([name, says]) => (
            <button
              key={name}
              type="button"
              aria-pressed={kind === name}
              onClick={() => setForm(name === 'textbook' ? undefined : name)}
            >
              {says}
            </button>
          ))}
        </fieldset>
      </div>
      <TokenText tokens={tokens} activations={activations} most={Math.max(1e-9, ...activations)} />
      <Picture draw={draw} />
      <p className="small soft">
        m = {number(trace.mass, 3)}, chosen so that ⟨T⟩ = ⟨|V|⟩ over all texts of “{report.text}”.
      </p>
    </section>
  );
}

function Drift({ report: { clock } }: { report: SequenceReport }) {
  const [table] = clock.tables;
  if (table?.belowNull === undefined) return null;
  const { belowNullLowering: helping, belowNullRaising: harming } = table;
  return (
    <section className="section" aria-labelledby="drift">
      <h2 id="drift">Does the energy keep still?</h2>
      <p className="says">
        <Word term="drift">Drift</Word> is how much T + V varies beside how large T and V are. The same with V
        shuffled in time is the <Word term="null">null</Word>: only a drift below it says that the order
        matters. {percent(table.belowNull, 1)} of the active features are among the lowest twentieth of their
        own shuffles; chance gives 5 %. But T and V are both large where a feature is active: they cancel
        where V is negative
        {helping !== undefined && ` (${percent(helping)} of the features that help are that low)`} and add up
        where it is positive{harming !== undefined && ` (${percent(harming)} of those that harm)`}, so a low
        drift says first of all that a feature helps, not that anything is conserved. Median drift{' '}
        {fixed(table.medianDrift, 2)}, shuffled {fixed(table.medianNullDrift, 2)}.
      </p>
      <div className="scroll">
        <table className="narrow">
          <thead>
            <tr>
              <th>feature</th>
              <th className="n">active steps</th>
              <th className="n">⟨T⟩</th>
              <th className="n">⟨V⟩</th>
              <th className="n">T + V = T − U</th>
              <th className="n">drift</th>
              <th className="n">V shuffled</th>
              <th className="n">p</th>
            </tr>
          </thead>
          <tbody>
            {table.features.slice(0, 20).map((row) => (
              <tr key={row.feature}>
                <td>
                  <FeatureName site={clock.site} feature={row.feature} withSite={false} />
                </td>
                <td className="n">{row.active}</td>
                <td className="n">{number(row.kinetic)}</td>
                <td className="n">{number(row.potential)}</td>
                <td className="n">{number(row.energy)}</td>
                <td className="n">{fixed(row.drift, 3)}</td>
                <td className="n">{fixed(row.nullDrift, 3)}</td>
                <td className="n">{fixed(row.belowNull, 2)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
