/** @file The depth clock: the budget of each cut, the flow to the answer, the invariant that tests it, what each rule loses. */
import { Fragment, useCallback } from 'react';
import { budgetPicture } from '../../../../src/pictures/budget.ts';
import { fixed, number, percent } from '../../../../src/pictures/scale.ts';
import { costatePicture } from '../../../../src/pictures/small.ts';
import { bandName, flowPicture, nodeNames } from '../../../../src/study/energy/draw.ts';
import type { CircuitResult, EnergyResult, StudyResults, TaskFlow } from '../../api/types.ts';
import { FeatureName, siteName } from '../../ui/feature-name.tsx';
import { Picture } from '../../ui/picture.tsx';
import { SignedBar } from '../../ui/signed-bar.tsx';
import { Word } from '../../ui/word.tsx';

/** Everything about one task on the depth clock. */
export function Depth({ energy, results }: { energy: EnergyResult; results: StudyResults }) {
  const circuit = results.circuits.find((one) => one.task === energy.task);
  return (
    <>
      <Budget energy={energy} />
      <Flow flows={results.flows} task={energy.task} />
      <Invariant energy={energy} />
      <Rules energy={energy} />
      <TopFeatures energy={energy} circuit={circuit} />
    </>
  );
}

function Budget({ energy }: { energy: EnergyResult }) {
  const draw = useCallback(
    (width: number) =>
      budgetPicture(
        energy.budget,
        { width, height: 340 },
        'Energy budget per cut: features, error nodes and leak',
        'budget',
      ),
    [energy],
  );
  return (
    <section className="section">
      <h2>The budget at each cut</h2>
      <p className="says">
        Solid: carried by features. Hatched: <Word term="errorNode">error nodes</Word>, what the dictionary
        did not rebuild. Outlined: the <Word term="leak">leak</Word> of the calculation ({energy.rule}, mean
        of {energy.examples} examples).
      </p>
      <Picture draw={draw} />
    </section>
  );
}

function Flow({ flows, task }: { flows: readonly TaskFlow[]; task: string }) {
  const found = flows.find((one) => one.task === task);
  const draw = useCallback(
    (width: number) =>
      found?.flow
        ? flowPicture(found.flow, found.labels, found.title, { width, height: 540 }, 'energy-flow')
        : '',
    [found],
  );
  return (
    <section className="section" aria-labelledby="flow">
      <h2 id="flow">From the words to the answer</h2>
      {found?.flow ? (
        <>
          <p className="says">
            The prompt’s words are turned into their counterpart’s step by step, and the whole network
            follows: what flows into a feature flows out of it (<Word term="pathWork">path work</Word>). Blue
            pushes toward the answer, orange against it; hatched: <Word term="errorNode">error nodes</Word>.
            Every column adds up to the <Word term="deltaM">whole effect</Word> less the{' '}
            <Word term="leak">leak</Word>, {percent(found.flow.leak, 1)} ({found.flow.rule},{' '}
            {found.flow.examples} examples); in and out differ by at most {number(found.flow.imbalance)} of
            the largest flow. A feature moves here as its encoder does while it stays active; what switching
            on and off carries stands with the errors, so they carry more than in the budget.
          </p>
          <div className="scroll">
            <Picture draw={draw} least={640} />
          </div>
          <Paths found={found} />
        </>
      ) : (
        <Elsewhere found={found} flows={flows} task={task} />
      )}
    </section>
  );
}

/** Why there is no flow of this task, and what makes one. */
function Elsewhere({
  found,
  flows,
  task,
}: {
  found: TaskFlow | undefined;
  flows: readonly TaskFlow[];
  task: string;
}) {
  const other = flows.find((one) => one.flow);
  return (
    <>
      <p className="says">
        {found?.missing
          ? `The energy of this behaviour could not be followed: ${found.missing}.`
          : `A study follows the energy of one behaviour${other ? `, here “${other.title}”` : ''}. This one’s is drawn by`}
      </p>
      {!found?.missing && <code>untangle energy flow --task {task} --plot flow.svg</code>}
    </>
  );
}

function Paths({ found: { flow, labels } }: { found: TaskFlow }) {
  if (!flow) return null;
  const names = nodeNames(flow, labels);
  const cutOf = new Map(flow.cuts.flatMap((cut) => cut.nodes.map((node) => [node.id, { cut, node }])));
  return (
    <>
      <h3>Ways that carry most</h3>
      <p className="says">
        A signed flow can be taken apart in many ways; this is the proportional rule (
        <Word term="efficientPath">efficient path</Word>).
      </p>
      <div className="scroll">
        <table className="narrow">
          <thead>
            <tr>
              <th className="n">carried</th>
              <th className="n">of the whole</th>
              <th>way</th>
            </tr>
          </thead>
          <tbody>
            {flow.carrying.slice(0, 8).map(({ nodes, carried }) => (
              <tr key={nodes.join()}>
                <td className="n">{fixed(carried, 3)}</td>
                <td className="n">{percent(carried / flow.deltaM, 1)}</td>
                <td>
                  {nodes.map((id, i) => {
                    const at = cutOf.get(id);
                    return (
                      <Fragment key={id}>
                        {i > 0 && ' → '}
                        {at?.node.kind === 'feature' && at.node.feature !== undefined ? (
                          <FeatureName site={at.cut.site} feature={at.node.feature} />
                        ) : at && at.node.kind !== 'token' && at.node.kind !== 'answer' ? (
                          `${bandName(at.node, labels)} at ${siteName(at.cut.site)}`
                        ) : (
                          (names.get(id) ?? id)
                        )}
                      </Fragment>
                    );
                  })}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Invariant({ energy }: { energy: EnergyResult }) {
  const { products, spread, relativeSpread, randomSpread } = energy.costate;
  const draw = useCallback((width: number) => costatePicture(products, { width, height: 240 }), [products]);
  return (
    <section className="section">
      <h2>The costate invariant</h2>
      <p className="says">
        The product of the <Word term="costate">costate</Word> with the difference of the two runs must be the
        same at every cut. That is no discovery: it tests that gradients and states belong together. Spread{' '}
        {number(spread)} (allowed: 10⁻⁵), for a random direction {number(randomSpread)}; plain relative spread{' '}
        {number(relativeSpread)}.
      </p>
      <Picture draw={draw} />
    </section>
  );
}

function Rules({ energy }: { energy: EnergyResult }) {
  const rules = energy.rules.filter((rule) => energy.budget.some((row) => rule.name in row.leakByRule));
  return (
    <section className="section">
      <h2>What each rule loses</h2>
      <p className="says">
        The way from one prompt’s state to the other’s is cut into steps. The{' '}
        <Word term="quadrature">rule</Word> and its number of points decide how much{' '}
        <Word term="leak">leaks</Word>; early cuts need more. Measured on {energy.ruleExamples} examples that
        all rules were run on.
      </p>
      <table className="narrow">
        <thead>
          <tr>
            <th>cut</th>
            {rules.map((rule) => (
              <th key={rule.name} className="n">
                {rule.name}
                <br />
                {rule.points} {rule.points === 1 ? 'gradient' : 'gradients'}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {energy.budget.map((row) => {
            const best = Math.min(...Object.values(row.leakByRule));
            return (
              <tr key={row.cut}>
                <td>{siteName(row.site)}</td>
                {rules.map((rule) => {
                  const leak = row.leakByRule[rule.name];
                  return (
                    <td key={rule.name} className={leak === best ? 'n best' : 'n'}>
                      {leak === undefined ? '–' : percent(leak, leak < 0.1 ? 2 : 1)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function TopFeatures({ energy, circuit }: { energy: EnergyResult; circuit: CircuitResult | undefined }) {
  const positionName = (position: number): string =>
    circuit?.positions.labels[position] ?? `position ${position + 1}`;
  const most = Math.max(1e-12, ...energy.topFeatures.map((one) => Math.abs(one.energy)));
  return (
    <section className="section">
      <h2>Features with the most energy</h2>
      <p className="says">
        For “{circuit?.title ?? energy.task}”. Positive: the prompt has it and the answer needs it. Unit: the
        metric’s (difference of two <Word term="logit">logits</Word>).
      </p>
      <table className="narrow">
        <thead>
          <tr>
            <th>feature</th>
            <th>at</th>
            <th className="n">energy</th>
            <th>against · toward</th>
          </tr>
        </thead>
        <tbody>
          {energy.topFeatures.slice(0, 20).map((one) => (
            <tr key={`${one.site}/${one.feature}/${one.position}`}>
              <td>
                <FeatureName site={one.site} feature={one.feature} />
              </td>
              <td>{positionName(one.position)}</td>
              <td className="n">{fixed(one.energy, 3)}</td>
              <td className="bar">
                <SignedBar share={one.energy / most} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
