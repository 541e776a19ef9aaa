/** @file How much of the behaviour a circuit carries: the curve over its size, areas, other definitions, how it was made. */
import { useCallback } from 'react';
import { faithfulnessPicture } from '../../../../src/pictures/curves.ts';
import { number, percent } from '../../../../src/pictures/scale.ts';
import type { CircuitResult } from '../../api/types.ts';
import { count, Interval, share, withInterval } from '../../ui/numbers.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';

export function Carries({ circuit }: { circuit: CircuitResult }) {
  const { faithfulness, completeness, random, metric } = circuit;
  const nodes = circuit.curve[circuit.chosen]?.nodes ?? circuit.nodes.length;
  const draw = useCallback(
    (width: number) =>
      faithfulnessPicture(
        circuit.curve,
        nodes,
        { width: Math.min(width, 980), height: 340 },
        circuit.neurons,
      ),
    [circuit, nodes],
  );
  const clear = faithfulness.low > random.high;
  return (
    <section className="section">
      <h2>How much of the behaviour it carries</h2>
      <p className="says">
        Alone, {nodes} parts carry {share(faithfulness)} of the behaviour (<Word term="faithfulness" />
        ); as many random parts carry {share(random)} (<Word term="null" />
        ).{' '}
        {clear
          ? 'The two intervals do not meet.'
          : 'The intervals overlap: the circuit is not clearly better than chance.'}{' '}
        Without the circuit {share(completeness)} remains (<Word term="completeness" />
        ). Effects from {count(circuit.examples)} examples, everything here from{' '}
        {count(circuit.heldOutExamples)} held-out ones.
      </p>
      <Picture draw={draw} />
      <p className="small soft source">
        The answer’s score (difference of two <Word term="logit">logits</Word>) is{' '}
        {withInterval(metric.clean)} for the <Word term="cleanPatch">prompts</Word> and{' '}
        {withInterval(metric.patch)} for their counterparts.
      </p>
      <Made circuit={circuit} />
      {circuit.areas && <AreasTable areas={circuit.areas} />}
      {circuit.variants.length > 0 && <Variants circuit={circuit} />}
    </section>
  );
}

const rules: Record<string, string> = {
  'attribution-patching': 'attribution patching',
  relp: 'linear relevance (RelP)',
  exact: 'one run a node',
};
const baselines: Record<string, string> = {
  counterfactual: 'the counterpart prompt',
  zero: 'nothing',
  mean: 'the mean over counterparts',
};

/** How the circuit was found, and how much of it is error nodes. */
function Made({ circuit: { method, errors, balance, flow } }: { circuit: CircuitResult }) {
  if (!method && !errors) return null;
  return (
    <p className="small soft source">
      {method && (
        <>
          Effects by {rules[method.rule] ?? method.rule} against{' '}
          {baselines[method.baseline] ?? method.baseline}
          {method.aggregation === 'sum' && ', positions added up'}; parts chosen by{' '}
          {method.select === 'flow' ? 'the paths that carry most' : 'the size of their effects'}.{' '}
        </>
      )}
      {balance && <>Inflow and outflow differ by at most {number(balance.inflow)}. </>}
      {flow && flow.half > 0 && (
        <>
          {percent(flow.share)} of the change flows from the words to the answer through these parts alone;{' '}
          {flow.half} of them carry half of that.{' '}
        </>
      )}
      {errors && (
        <>
          {errors.nodes} of the parts are <Word term="errorNode">error nodes</Word>,{' '}
          {percent(errors.nodeShare)} of them, with {percent(errors.effectShare)} of the sum of effects.
        </>
      )}
    </p>
  );
}

const kinds = { circuit: 'circuit', neurons: 'neurons', random: 'random' } as const;

const AreasTable = ({ areas }: { areas: NonNullable<CircuitResult['areas']> }) => (
  <table className="narrow gap-above">
    <thead>
      <tr>
        <th>over all sizes</th>
        <th className="n">CPR (area under the curve)</th>
        <th className="n">CMD (distance from the model)</th>
      </tr>
    </thead>
    <tbody>
      {(Object.keys(kinds) as (keyof typeof kinds)[]).map((kind) => {
        const own = areas[kind];
        return (
          own && (
            <tr key={kind}>
              <td>{kinds[kind]}</td>
              <td className="n">
                <Interval estimate={own.cpr} />
              </td>
              <td className="n">
                <Interval estimate={own.cmd} />
              </td>
            </tr>
          )
        );
      })}
    </tbody>
  </table>
);

const Variants = ({ circuit }: { circuit: CircuitResult }) => (
  <>
    <h3 className="gap-above">The same circuit under other definitions</h3>
    <table className="narrow">
      <thead>
        <tr>
          <th>definition</th>
          <th className="n">parts</th>
          <th className="n">faithfulness</th>
          <th className="n">random</th>
        </tr>
      </thead>
      <tbody>
        {circuit.variants.map((one) => (
          <tr key={one.name}>
            <td>
              {one.name}
              <br />
              <span className="small soft">{one.meaning}</span>
            </td>
            <td className="n">{one.nodes}</td>
            <td className="n">
              <Interval estimate={one.faithfulness} as="percent" />
            </td>
            <td className="n">
              <Interval estimate={one.random} as="percent" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </>
);
