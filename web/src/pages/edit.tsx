/** @file The edit: what changed, next to random features and mean ablation, and what else moved. */
import { useCallback } from 'react';
import { methodStyle, strengthPicture } from '../../../src/pictures/curves.ts';
import { dumbbellPicture } from '../../../src/pictures/dumbbell.ts';
import { fixed, plain } from '../../../src/pictures/scale.ts';
import type { EditResult, StudyResults } from '../api/types.ts';
import { useQuery } from '../router.tsx';
import { FeatureName } from '../ui/feature-name.tsx';
import { FiresOn } from '../ui/fires-on.tsx';
import { count, Interval, withInterval } from '../ui/numbers.tsx';
import { Picture } from '../ui/picture.tsx';
import { NotYet } from '../ui/told.tsx';
import { Word } from '../ui/word.tsx';
import { leansOf, mainRow, rowKey } from './overview/main-results.ts';

export function EditPage({ results }: { results: StudyResults }) {
  const { edit } = results;
  if (!edit) return <NotYet stage="edit" what="The edit" />;
  return (
    <>
      <h1>Removing a bias, counting the cost</h1>
      <p className="lead">
        The features that the circuit found for “she or he” are turned down. The <Word term="bias">bias</Word>{' '}
        should fall; everything else should stay. Beside each figure stands its <Word term="null">null</Word>:
        random features that change the state by the same amount.
      </p>
      <Verdict edit={edit} />
      <Strengths edit={edit} />
      <SideEffects edit={edit} />
      <Occupations edit={edit} />
      <Edited edit={edit} />
    </>
  );
}

/** One sentence, no more certain than the intervals. */
function Verdict({ edit }: { edit: EditResult }) {
  const row = mainRow(edit);
  const random = edit.rows.find((one) => one.method === 'random' && one.strength === row?.strength);
  if (!row || !random) return null;
  const paired = row.beyondRandom;
  return (
    <p className="verdict">
      At strength {plain(row.strength)} the bias is {withInterval(row.biasAfter)} with the circuit’s features
      and {withInterval(random.biasAfter)} with random ones
      {paired && (
        <>
          ; pair by pair the circuit’s features remove {withInterval(paired)} more:{' '}
          {paired.low > 0
            ? 'more than chance.'
            : paired.high < 0
              ? 'less than chance.'
              : 'the interval includes 0, so the difference is not clear.'}
        </>
      )}
    </p>
  );
}

function Strengths({ edit }: { edit: EditResult }) {
  const draw = useCallback(
    (width: number) =>
      strengthPicture(edit.rows, edit.baseline.bias, { width: Math.min(width, 860), height: 320 }),
    [edit],
  );
  return (
    <section className="section">
      <h2>Bias by strength</h2>
      <p className="says">
        Strength 1 switches a feature off, 0.5 halves it, above 1 turns it round. Bands: 95 %{' '}
        <Word term="interval">intervals</Word> over {count(edit.counts.pairs)} held-out pairs.
      </p>
      <Picture draw={draw} />
    </section>
  );
}

function SideEffects({ edit }: { edit: EditResult }) {
  return (
    <section className="section">
      <h2>What else moved</h2>
      <p className="says">
        Agreement: share of {count(edit.counts.agreement)} held-out verbs put right. <Word term="kl">KL</Word>
        : change of the predictions on {count(edit.counts.textTokens)} tokens of plain text, in nats per
        token. ‖Δx‖: how far the state was moved.
      </p>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>what is turned down</th>
              <th className="n">strength</th>
              <th className="n">‖Δx‖</th>
              <th className="n">bias that remains</th>
              <th className="n">agreement accuracy</th>
              <th className="n">KL</th>
              <th className="n">perplexity</th>
              <th className="n">r with % women</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <td>nothing</td>
              <td className="n">–</td>
              <td className="n">0</td>
              <td className="n">
                <Interval estimate={edit.baseline.bias} />
              </td>
              <td className="n">
                <Interval estimate={edit.baseline.agreement} as="percent" decimals={1} />
              </td>
              <td className="n">0</td>
              <td className="n">{fixed(edit.baseline.perplexity, 1)}</td>
              <td className="n">{fixed(edit.baseline.correlation, 2)}</td>
            </tr>
            {edit.rows.map((row) => {
              const style = methodStyle(row.method);
              return (
                <tr key={rowKey(row)}>
                  <td>
                    <i className={style.dashed ? 'key dashed' : 'key'} style={{ color: style.colour }} />
                    {style.name}
                    {row.draws > 1 && <span className="small soft"> mean of {row.draws} draws</span>}
                  </td>
                  <td className="n">{plain(row.strength)}</td>
                  <td className="n">{fixed(row.deltaX, 1)}</td>
                  <td className="n">
                    <Interval estimate={row.biasAfter} />
                  </td>
                  <td className="n">
                    <Interval estimate={row.agreementAfter} as="percent" decimals={1} />
                  </td>
                  <td className="n">
                    <Interval estimate={row.kl} decimals={4} />
                  </td>
                  <td className="n">{fixed(row.perplexity, 1)}</td>
                  <td className="n">{fixed(row.correlation, 2)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Occupations({ edit }: { edit: EditResult }) {
  const first = mainRow(edit);
  const [chosen, choose] = useQuery('row', first ? rowKey(first) : '');
  const row = edit.rows.find((one) => rowKey(one) === chosen) ?? first;
  const draw = useCallback(
    (width: number) =>
      dumbbellPicture(
        leansOf(edit, row),
        { width: Math.min(width, 940), row: 22 },
        'Lean per occupation before and after',
      ),
    [edit, row],
  );
  return (
    <section className="section">
      <h2>Occupation by occupation</h2>
      <p className="says">
        Ordered by the share of women who work in it; before the edit the model’s lean follows that share (r ={' '}
        {fixed(edit.baseline.correlation, 2)}).
      </p>
      <label className="choose">
        After{' '}
        <select value={row ? rowKey(row) : ''} onChange={(event) => choose(event.target.value)}>
          {edit.rows.map((one) => (
            <option key={rowKey(one)} value={rowKey(one)}>
              {methodStyle(one.method).name}, strength {plain(one.strength)}
            </option>
          ))}
        </select>
      </label>
      <Picture draw={draw} />
    </section>
  );
}

function Edited({ edit }: { edit: EditResult }) {
  return (
    <section className="section">
      <h2>The features that were turned down</h2>
      <p className="says">
        Chosen on training pairs by their <Word term="effect">indirect effect</Word>; every figure above is
        from <Word term="heldOut">held-out</Word> ones.
      </p>
      <table className="narrow">
        <thead>
          <tr>
            <th>feature</th>
            <th>site</th>
            <th>most active on</th>
            <th className="n">
              <Word term="push">push</Word> toward the answer
            </th>
          </tr>
        </thead>
        <tbody>
          {edit.features.map((one) => (
            <tr key={`${one.site}/${one.feature}`}>
              <td>
                <FeatureName site={one.site} feature={one.feature} label={one.label} withSite={false} />
              </td>
              <td>
                <code className="small">{one.site}</code>
              </td>
              <td>
                <FiresOn site={one.site} feature={one.feature} />
              </td>
              <td className="n">{fixed(-one.effect, 3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
