/** @file The circuit of one behaviour: the graph to explore, then how much of the behaviour it carries. */
import { useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { layoutCircuit } from '../../../../src/pictures/circuit-layout.ts';
import type { CircuitResult, StudyResults } from '../../api/types.ts';
import { paths, useQuery } from '../../router.tsx';
import { TaskTabs } from '../../ui/tabs.tsx';
import { NotYet } from '../../ui/told.tsx';
import { SignLegend } from '../overview/figures.tsx';
import { mainCircuit } from '../overview/main-results.ts';
import { Carries } from './carries.tsx';
import { type FlowPath, glowOf, pathsOf } from './flow.ts';
import { Graph } from './graph.tsx';
import { Paths } from './paths.tsx';
import { StrongestParts } from './strongest.tsx';
import { Threshold } from './threshold.tsx';

export function CircuitPage({ results, task }: { results: StudyResults; task?: string | undefined }) {
  const circuit = task ? results.circuits.find((one) => one.task === task) : mainCircuit(results);
  if (!circuit) return <NotYet stage="circuit" what="The circuit" />;
  return (
    <>
      <h1>{circuit.title}</h1>
      <p className="lead">
        {circuit.question} Below: the parts that carry the answer, from the tokens (bottom) to the answer
        (top).
      </p>
      <TaskTabs
        tasks={results.circuits.map((one) => ({
          to: paths.circuit(one.task),
          name: one.title,
          task: one.task,
        }))}
        current={circuit.task}
      />
      <Explorer key={circuit.task} circuit={circuit} />
      <StrongestParts circuit={circuit} />
      <Carries circuit={circuit} />
    </>
  );
}

/** The threshold: the slider at once, the graph as fast as it can be drawn, the address after a short rest. */
function useThreshold() {
  const [text, setText] = useQuery('threshold');
  const [threshold, set] = useState(() => Math.max(0, Number(text) || 0));
  const written = threshold > 0 ? String(threshold) : '';
  const drawn = useDeferredValue(threshold);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another address (a link, going back) moves the slider
  useEffect(() => {
    if (text !== written) set(Math.max(0, Number(text) || 0));
  }, [text]);
  useEffect(() => {
    if (text === written) return;
    const timer = setTimeout(() => setText(written), 150);
    return () => clearTimeout(timer);
  }, [text, written, setText]);
  return {
    threshold,
    drawn,
    setThreshold: (value: number | undefined) => set(Number((value ?? 0).toPrecision(4))),
  };
}

function Explorer({ circuit }: { circuit: CircuitResult }) {
  const { threshold, drawn, setThreshold } = useThreshold();
  const [edges, setEdges] = useQuery('edges');
  const [path, follow] = useState<FlowPath>();
  const finder = useMemo(() => pathsOf(circuit), [circuit]);
  const best = useMemo(() => finder.best(), [finder]);
  const onPaths = edges === 'paths' && best.length > 0;
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const read = () => setWidth(Math.round(element.clientWidth));
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const layout = useMemo(
    () =>
      width > 0
        ? layoutCircuit(circuit, { width: Math.max(480, width), height: 560, threshold: drawn })
        : undefined,
    [circuit, width, drawn],
  );
  const only = useMemo(() => (onPaths ? new Set(glowOf(best).keys()) : undefined), [onPaths, best]);
  return (
    <>
      <section className="explorer">
        <Threshold circuit={circuit} value={threshold} onChange={setThreshold} />
        {best.length > 0 && (
          <fieldset className="switch">
            <legend className="soft small">Edges</legend>
            {(['all', 'paths'] as const).map((choice) => (
              <button
                key={choice}
                type="button"
                aria-pressed={(choice === 'paths') === onPaths}
                onClick={() => setEdges(choice === 'paths' ? 'paths' : undefined)}
              >
                {choice === 'all' ? 'all' : 'efficient paths'}
              </button>
            ))}
          </fieldset>
        )}
        <div ref={box}>
          {layout && (
            <Graph circuit={circuit} layout={layout} only={only} path={path} through={finder.through} />
          )}
        </div>
        <SignLegend />
      </section>
      <Paths circuit={circuit} paths={best} onFollow={follow} />
    </>
  );
}
