/** @file Every method of a bias study: one figure as a picture, all of them as a table. */
import { useCallback } from 'react';
import { fixed, number, percent } from '../../../../src/pictures/scale.ts';
import { type BiasFigure, biasFigures, biasRowsPicture, figuresIn } from '../../../../src/study/bias/draw.ts';
import type { BiasResult, BiasRow } from '../../api/types.ts';
import { useQuery } from '../../router.tsx';
import { duration, Interval } from '../../ui/numbers.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice } from '../mechanics/knob.tsx';

export function Rows({ result }: { result: BiasResult }) {
  const [asked, choose] = useQuery('figure', 'worstGroup');
  const figures = figuresIn(result);
  const figure = figures.find((one) => one === asked) ?? ('worstGroup' satisfies BiasFigure);
  const draw = useCallback(
    (width: number) => biasRowsPicture(result, figure, Math.min(width, 980)),
    [result, figure],
  );
  return (
    <section className="section" aria-labelledby="rows">
      <h2 id="rows">Every method</h2>
      <p className="says">
        On test people of whom every combination is equally many. <Word term="worstGroup">Worst group</Word>:
        higher is better. <Word term="leakage">Leakage</Word>: 50 % is what guessing gives. Grey: random edits
        of the same size, and bounds that looked at balanced data. Bars: 95 %{' '}
        <Word term="interval">intervals</Word>.
      </p>
      <div className="knobs">
        <Choice label="Show" value={figure} of={figures} words={biasFigures} onChange={choose} />
      </div>
      <Picture draw={draw} />
      <Figures result={result} tasks={figures.includes('otherTasks')} />
      {notesOf(result.rows).map(([note, titles]) => (
        <p key={note} className="small soft">
          {titles.join(', ')}: {note}
        </p>
      ))}
      {result.left.map((one) => (
        <p key={one.method} className="small soft">
          Left out: {one.method.replaceAll('-', ' ')} — {one.why}
        </p>
      ))}
      {result.published.length > 0 && (
        <p className="small soft">
          Published by others, on other data ({result.outcome.name} · {result.protected.name} · worst group):{' '}
          {result.published
            .map(
              (one) =>
                `${one.method} ${percent(one.fieldAccuracy)} · ${percent(one.genderAccuracy)} · ${percent(one.worstGroup)}`,
            )
            .join('; ')}{' '}
          ({result.published[0]?.source})
        </p>
      )}
    </section>
  );
}

/** All figures as a table; `tasks`: whether other tasks were scored. */
function Figures({ result, tasks }: { result: BiasResult; tasks: boolean }) {
  const share = (estimate: BiasRow['figures']['worstGroup']) => <Interval estimate={estimate} as="percent" />;
  return (
    <div className="scroll">
      <table>
        <Head result={result} tasks={tasks} />
        <tbody>
          {result.rows.map((row) => (
            <tr key={row.method} className={row.skyline ? 'soft' : undefined}>
              <td className="method">
                {row.title}
                {row.skyline && <span className="small soft"> bound</span>}
                <span className="small soft block">{row.sees}</span>
              </td>
              <td className="n">{row.changed === undefined ? '–' : number(row.changed)}</td>
              <td className="n">{share(row.figures.fieldAccuracy)}</td>
              <td className="n">{share(row.figures.genderAccuracy)}</td>
              <td className="n">{share(row.figures.worstGroup)}</td>
              <td className="n">
                {percent(row.natural.worstGroup.value)} · {percent(row.swapped.worstGroup.value)}
              </td>
              <td className="n">{share(row.leakage.linear)}</td>
              <td className="n">
                {percent(row.leakage.mlp.value)} · {percent(row.leakage.knn.value)}
              </td>
              <td className="n">
                <Interval estimate={row.figures.tprGap} />
              </td>
              <td className="n">
                {fixed(row.figures.ece.value, 3)} · {fixed(row.figures.brier.value, 3)}
              </td>
              <td className="n">{row.kl ? <Interval estimate={row.kl} decimals={4} /> : '–'}</td>
              {tasks && (
                <td className="n">
                  {row.otherTasks
                    ? `${percent(row.otherTasks.moved.value, 1)} · ${percent(row.otherTasks.random.value, 1)}`
                    : '–'}
                </td>
              )}
              <td className="n">{fixed(row.deltaX, 2)}</td>
              <td className="n">{row.hypervolume ? fixed(row.hypervolume.value, 3) : '–'}</td>
              <td className="n">{duration(row.seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head({ result, tasks }: { result: BiasResult; tasks: boolean }) {
  return (
    <thead>
      <tr>
        <th>method</th>
        <th className="n">changed</th>
        <th className="n">{result.outcome.name}</th>
        <th className="n">{result.protected.name}</th>
        <th className="n">worst group</th>
        <th className="n">natural · swapped</th>
        <th className="n">leakage linear</th>
        <th className="n">MLP · kNN</th>
        <th className="n">
          <Word term="tprGap" />
        </th>
        <th className="n">calibration: ECE · Brier</th>
        <th className="n">
          <Word term="kl">KL</Word>
        </th>
        {tasks && (
          <th className="n">
            <Word term="otherTasks" /> · random
          </th>
        )}
        <th className="n">‖Δx‖</th>
        <th className="n">hypervolume</th>
        <th className="n">time</th>
      </tr>
    </thead>
  );
}

/** What rows say beside their figures, each once, with the rows that say it. */
function notesOf(rows: BiasResult['rows']): (readonly [string, readonly string[]])[] {
  const notes = new Map<string, string[]>();
  for (const { note, title } of rows) if (note) notes.set(note, [...(notes.get(note) ?? []), title]);
  return [...notes];
}
