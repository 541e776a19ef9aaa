/** @file What every edit does to other behaviours of the network, task by task, beside random features that move the prompts as far. */
import { besideRandom, besideRandomWords, taskTables } from '../../../../src/study/bias/task-columns.ts';
import type { BiasResult } from '../../api/types.ts';
import { useQuery } from '../../router.tsx';
import { Word } from '../../ui/word.tsx';
import { Choice } from '../mechanics/knob.tsx';

const words = { logits: 'logit difference', accuracy: 'accuracy' } as const;

export function OtherTasks({ result }: { result: BiasResult }) {
  const { rows, otherTasks: about, protected: attribute } = result;
  const [asked, choose] = useQuery('task-figure', 'logits');
  const tables = taskTables(result);
  const shown = tables[asked === 'accuracy' ? 1 : 0];
  const compared = besideRandom(rows);
  if (!about) return null;
  return (
    <section className="section" aria-labelledby="other-tasks">
      <h2 id="other-tasks">What else moved</h2>
      {shown && (
        <>
          <p className="says">
            The same edit at every position of prompts that have nothing to do with {attribute.name}, and of
            one task that has. Behind the stroke: <Word term="null">random features</Word> that move the
            prompts as far ({about.draws} draws). Brackets: 95 % <Word term="interval">intervals</Word> over
            pairs of prompts.
          </p>
          <div className="knobs">
            <Choice
              label="Show"
              value={asked === 'accuracy' ? 'accuracy' : 'logits'}
              of={Object.keys(words)}
              words={words}
              onChange={choose}
            />
          </div>
          <div className="scroll">
            <table>
              <caption className="small soft">{shown.title}</caption>
              <thead>
                <tr>
                  {shown.columns.map(({ name }, i) => (
                    <th key={name} className={i > 0 ? 'n' : undefined}>
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows
                  .filter((row) => row.otherTasks)
                  .map((row) => (
                    <tr key={row.method} className={row.skyline ? 'soft' : undefined}>
                      {shown.columns.map(({ name, cell }, i) => (
                        <td key={name} className={i > 0 ? 'n' : 'method'}>
                          {cell(row)}
                        </td>
                      ))}
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
          {compared && <p className="says">{besideRandomWords(compared)}</p>}
        </>
      )}
      {about.left.map(({ task, why }) => (
        <p key={task} className="small soft">
          Not scored: {task} — {why}
        </p>
      ))}
    </section>
  );
}
