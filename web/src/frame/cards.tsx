/** @file What the inspector says about a feature, a node of a circuit, or an edge. */
import type { ReactNode } from 'react';
import { visibleToken } from '../../../src/pictures/bars.ts';
import { cutName } from '../../../src/pictures/circuit-layout.ts';
import { fixed, percent } from '../../../src/pictures/scale.ts';
import { useAsk } from '../api/client.ts';
import { useLive } from '../api/store.ts';
import type { CircuitNode, CircuitResult, FeatureDetail } from '../api/types.ts';
import { FeatureName } from '../ui/feature-name.tsx';
import { withInterval } from '../ui/numbers.tsx';
import { TokenChip, TokenText } from '../ui/tokens.tsx';
import { Word } from '../ui/word.tsx';
import { pin } from './selection.ts';

const useCircuit = (task: string): CircuitResult | undefined =>
  useLive().study?.results.circuits.find((one) => one.task === task);

/** Top tokens and passages of a feature. */
export function FeatureCard({ site, id }: { site: string; id: number }) {
  const asked = useAsk<FeatureDetail>(`/api/features/${encodeURIComponent(site)}/${id}`);
  return (
    <div className="card">
      <h2>
        <FeatureName site={site} feature={id} />
      </h2>
      {asked.status === 'failed' && <p className="soft small">{asked.error.message}</p>}
      {asked.value && <FeatureBody feature={asked.value} />}
    </div>
  );
}

function FeatureBody({ feature }: { feature: FeatureDetail }) {
  return (
    <>
      <p className="small soft">
        Active on {percent(feature.frequency, feature.frequency < 0.01 ? 3 : 1)} of tokens, most on:
      </p>
      <p className="chips">
        {feature.firesOn.map((token) => (
          <TokenChip key={token} token={token} />
        ))}
      </p>
      <p className="small soft">Raises:</p>
      <p className="chips">
        {feature.promoted.slice(0, 6).map((one, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: tokens may repeat in print
          <TokenChip key={i} token={one.text} />
        ))}
      </p>
      {feature.passages.slice(0, 3).map((passage, i) => {
        const peak = passage.activations.indexOf(Math.max(...passage.activations));
        const from = Math.max(0, peak - 9);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list
          <div className="excerpt" key={i}>
            <TokenText
              tokens={passage.tokens.slice(from, peak + 5)}
              activations={passage.activations.slice(from, peak + 5)}
              most={feature.maxActivation}
            />
          </div>
        );
      })}
    </>
  );
}

const Row = ({ name, children }: { name: ReactNode; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** "toward the answer by 0.42". */
const pushWords = (push: number): string =>
  `${push >= 0 ? 'toward' : 'against'} the answer by ${fixed(Math.abs(push), 3)}`;

/** Name of a node in words. */
export function nodeName(node: CircuitNode, circuit: CircuitResult): string {
  const token = visibleToken((circuit.positions.exampleTokens[node.position] ?? '').trim());
  switch (node.kind) {
    case 'token':
      return `token ${token}`;
    case 'feature':
      return `feature ${node.feature} at ${token}`;
    case 'error':
      return `error node at ${token}`;
    case 'output':
      return 'the answer';
  }
}

export function NodeCard({ task, id }: { task: string; id: string }) {
  const circuit = useCircuit(task);
  const node = circuit?.nodes.find((one) => one.id === id);
  if (!circuit || !node) return <p className="soft">This part is not in the circuit any more.</p>;
  const token = visibleToken((circuit.positions.exampleTokens[node.position] ?? '').trim());
  return (
    <div className="card">
      <h2>{nodeName(node, circuit)}</h2>
      <dl className="pairs">
        <Row name="where">
          {cutName(node)}, <span className="mono">{token}</span> ({circuit.positions.labels[node.position]})
        </Row>
        {node.kind === 'output' && (
          <Row name="score of the answer">
            {withInterval(circuit.metric.clean)} for the prompts, {withInterval(circuit.metric.patch)} for
            their counterparts
          </Row>
        )}
        <Row
          name={
            <>
              how much it pushes (<Word term="effect" />)
            </>
          }
        >
          {pushWords(-node.effect)}
        </Row>
        <Row name={<Word term="attribution">quick estimate</Word>}>
          {pushWords(-node.attributionPatching)}
        </Row>
        {node.activationClean !== undefined && (
          <Row name={<Word term="activation" />}>
            {fixed(node.activationClean, 2)} clean, {fixed(node.activationPatch ?? 0, 2)} in the counterpart
          </Row>
        )}
      </dl>
      <Strongest circuit={circuit} id={id} />
      {node.kind === 'error' && (
        <p className="soft small">
          What the dictionary did not rebuild here. It is shown with its effect so that nothing is hidden.
        </p>
      )}
      {node.kind === 'feature' && node.site !== undefined && node.feature !== undefined && (
        <FeatureCard site={node.site} id={node.feature} />
      )}
    </div>
  );
}

/** The strongest edges into and out of a node; each can be selected. */
function Strongest({ circuit, id }: { circuit: CircuitResult; id: string }) {
  const top = (end: 'source' | 'target') =>
    circuit.edges
      .filter((edge) => edge[end] === id)
      .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
      .slice(0, 4);
  const nameOf = (nodeId: string) => {
    const node = circuit.nodes.find((one) => one.id === nodeId);
    return node ? `${nodeName(node, circuit)}, ${cutName(node)}` : nodeId;
  };
  const lists = [
    { title: 'strongest from', edges: top('target'), other: 'source' as const },
    { title: 'strongest to', edges: top('source'), other: 'target' as const },
  ];
  return (
    <>
      {lists
        .filter((list) => list.edges.length > 0)
        .map((list) => (
          <div key={list.title} className="edges">
            <p className="small soft">{list.title}</p>
            {list.edges.map((edge) => (
              <button
                key={`${edge.source}${edge.target}`}
                type="button"
                onClick={() => pin({ kind: 'node', task: circuit.task, id: edge[list.other] })}
              >
                <span>{nameOf(edge[list.other])}</span>
                <span style={{ color: edge.weight >= 0 ? 'var(--towards)' : 'var(--against)' }}>
                  {fixed(edge.weight, 3)}
                </span>
              </button>
            ))}
          </div>
        ))}
    </>
  );
}

export function EdgeCard({ task, source, target }: { task: string; source: string; target: string }) {
  const circuit = useCircuit(task);
  const edge = circuit?.edges.find((one) => one.source === source && one.target === target);
  const from = circuit?.nodes.find((one) => one.id === source);
  const to = circuit?.nodes.find((one) => one.id === target);
  if (!circuit || !edge || !from || !to)
    return <p className="soft">This edge is not in the circuit any more.</p>;
  return (
    <div className="card">
      <h2>
        {nodeName(from, circuit)} → {nodeName(to, circuit)}
      </h2>
      <dl className="pairs">
        <Row name="carries push">{pushWords(edge.weight)}</Row>
        <Row name="from">{cutName(from)}</Row>
        <Row name="to">{cutName(to)}</Row>
      </dl>
      <div className="edges">
        {[from, to].map((node) => (
          <button key={node.id} type="button" onClick={() => pin({ kind: 'node', task, id: node.id })}>
            <span>{nodeName(node, circuit)}</span>
            <span>look</span>
          </button>
        ))}
      </div>
    </div>
  );
}
