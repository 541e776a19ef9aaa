/** @file The threshold: how strong a part must be to be shown, and how much of the behaviour such a circuit carries. */
import { useEffect, useState } from 'react';
import { number } from '../../../../src/pictures/scale.ts';
import type { CircuitResult } from '../../api/types.ts';
import { share } from '../../ui/numbers.tsx';
import { Word } from '../../ui/word.tsx';

const steps = 200;

/** Smallest and largest |effect| of features and error nodes. */
export function effectRange(circuit: CircuitResult): [number, number] {
  const sizes = circuit.nodes
    .filter((node) => node.kind === 'feature' || node.kind === 'error')
    .map((node) => Math.abs(node.effect))
    .filter((size) => size > 0);
  return sizes.length === 0 ? [0.001, 1] : [Math.min(...sizes), Math.max(...sizes)];
}

/** How many features and error nodes reach the threshold. */
export const shownCount = (circuit: CircuitResult, threshold: number): number =>
  circuit.nodes.filter(
    (node) => (node.kind === 'feature' || node.kind === 'error') && Math.abs(node.effect) >= threshold,
  ).length;

export function Threshold({
  circuit,
  value,
  onChange,
}: {
  circuit: CircuitResult;
  value: number;
  onChange: (value: number | undefined) => void;
}) {
  const [low, high] = effectRange(circuit);
  const toStep = (v: number) => Math.round((steps * Math.log(v / low)) / Math.log(high / low || 2));
  const [at, setAt] = useState(() => toStep(Math.max(low, value)));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address moves the slider, not the other way round
  useEffect(() => setAt(toStep(Math.max(low, value))), [value, circuit]);
  const shown = shownCount(circuit, value);
  const near = circuit.curve.reduce((a, b) =>
    Math.abs(b.nodes - shown) < Math.abs(a.nodes - shown) ? b : a,
  );
  return (
    <div className="threshold">
      <label htmlFor="threshold">Show parts with an effect of at least</label>
      <input
        id="threshold"
        type="range"
        min={0}
        max={steps}
        value={at}
        aria-valuetext={`${number(value)}: ${shown} parts`}
        onChange={(event) => {
          const step = Number(event.target.value);
          setAt(step);
          onChange(step === 0 ? undefined : low * (high / low) ** (step / steps) * 0.9995);
        }}
      />
      <output htmlFor="threshold">{number(Math.max(low, value))}</output>
      <p className="soft small">
        <b data-testid="shown">{shown}</b> of {shownCount(circuit, 0)} parts. A circuit of {near.nodes}{' '}
        carries {share(near.faithfulness)} of the behaviour (<Word term="faithfulness" />
        ); a random one {share(near.random)}.
      </p>
    </div>
  );
}
