/** @file The three large pictures of the first screen, each with one plain sentence. */
import { type ReactNode, useCallback } from 'react';
import { budgetPicture } from '../../../../src/pictures/budget.ts';
import { circuitPicture } from '../../../../src/pictures/circuit.ts';
import { dumbbellPicture } from '../../../../src/pictures/dumbbell.ts';
import { percent } from '../../../../src/pictures/scale.ts';
import type { CircuitResult, EditResult, EnergyResult } from '../../api/types.ts';
import { Link, paths } from '../../router.tsx';
import { share, withInterval } from '../../ui/numbers.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { leansOf, mainRow } from './main-results.ts';

export function Figure({
  title,
  to,
  says,
  children,
}: {
  title: string;
  to: string;
  says: ReactNode;
  children: ReactNode;
}) {
  return (
    <figure className="figure">
      <figcaption>
        <h2>
          <Link to={to}>{title}</Link>
        </h2>
        <p>{says}</p>
      </figcaption>
      {children}
    </figure>
  );
}

export function EditFigure({ edit }: { edit: EditResult }) {
  const row = mainRow(edit);
  const random = edit.rows.find((one) => one.method === 'random' && one.strength === row?.strength);
  const draw = useCallback(
    (width: number) =>
      dumbbellPicture(
        leansOf(edit),
        { width, row: 18 },
        'Lean to she or he for each occupation, before and after the edit',
      ),
    [edit],
  );
  return (
    <Figure
      title="Before and after the edit"
      to="/edit"
      says={
        row && (
          <>
            With {edit.features.length} features switched off, the <Word term="bias">bias</Word> goes from{' '}
            {withInterval(edit.baseline.bias)} to {withInterval(row.biasAfter)}
            {random && <>; with random features of the same size it is {withInterval(random.biasAfter)}</>}.
          </>
        )
      }
    >
      <Picture draw={draw} />
    </Figure>
  );
}

export function CircuitFigure({ circuit }: { circuit: CircuitResult }) {
  const draw = useCallback(
    (width: number) =>
      circuitPicture(
        circuit,
        { width, height: 430, gutter: 92 },
        `Circuit of: ${circuit.title}`,
        'overview-circuit',
      ),
    [circuit],
  );
  const nodes = circuit.curve[circuit.chosen]?.nodes ?? circuit.nodes.length;
  return (
    <Figure
      title="The circuit"
      to={paths.circuit(circuit.task)}
      says={
        <>
          {nodes} parts carry {share(circuit.faithfulness)} of {lower(circuit.title)} on{' '}
          <Word term="heldOut">held-out</Word> examples; as many random ones carry {share(circuit.random)}.
        </>
      }
    >
      <Picture draw={draw} />
      <SignLegend />
    </Figure>
  );
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

export const SignLegend = () => (
  <div className="legend">
    <span>
      <i style={{ background: 'var(--towards)' }} /> pushes toward the answer
    </span>
    <span>
      <i style={{ background: 'var(--against)' }} /> pushes against it
    </span>
    <span>
      <i className="square hatched" /> <Word term="errorNode">not explained by features</Word>
    </span>
  </div>
);

export function EnergyFigure({ energy }: { energy: EnergyResult }) {
  const draw = useCallback(
    (width: number) =>
      budgetPicture(
        energy.budget,
        { width, height: 300 },
        'Share of the whole effect that features, error nodes and leak have at each cut',
        'overview-budget',
      ),
    [energy],
  );
  const shares = energy.budget.map((row) => row.features / row.deltaM);
  return (
    <Figure
      title="The energy budget"
      to={paths.energy(energy.task)}
      says={
        <>
          Layer by layer, features carry {percent(Math.min(...shares))} to {percent(Math.max(...shares))} of
          the <Word term="deltaM">whole effect</Word>; the calculation itself loses {percent(energy.leak, 1)}{' '}
          (<Word term="leak">leak</Word>, median over the layers).
        </>
      }
    >
      <Picture draw={draw} />
    </Figure>
  );
}
