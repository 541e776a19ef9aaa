/** @file The most carrying paths of a circuit as a list: each from a token to the answer, to be followed in the graph. */
import { visibleToken } from '../../../../src/pictures/bars.ts';
import { percent } from '../../../../src/pictures/scale.ts';
import type { CircuitNode, CircuitResult } from '../../api/types.ts';
import { nodeName } from '../../frame/cards.tsx';
import { point } from '../../frame/selection.ts';
import { SignedBar } from '../../ui/signed-bar.tsx';
import { Word } from '../../ui/word.tsx';
import { type FlowPath, shareOf } from './flow.ts';

const listed = 8;

export interface PathsProps {
  readonly circuit: CircuitResult;
  readonly paths: readonly FlowPath[];
  /** Called with the path that is pointed at. */
  readonly onFollow: (path: FlowPath | undefined) => void;
}

export function Paths({ circuit, paths, onFollow }: PathsProps) {
  const byId = new Map(circuit.nodes.map((node) => [node.id, node]));
  const largest = Math.max(1e-12, ...paths.map((path) => Math.abs(shareOf(path, circuit))));
  if (paths.length === 0) return null;
  return (
    <section className="section">
      <h2>Ways from the words to the answer</h2>
      <p className="says">
        Each line is an <Word term="efficientPath" />: what a word sends, split at every part in proportion to
        the part’s edges. Point at one to follow it in the graph.
      </p>
      <ol className="paths">
        {paths.slice(0, listed).map((path) => {
          const share = shareOf(path, circuit);
          return (
            <li
              key={path.nodes.join()}
              data-testid="path"
              onPointerEnter={() => onFollow(path)}
              onPointerLeave={() => onFollow(undefined)}
            >
              <span className="bar">
                <SignedBar share={share / largest} />
              </span>
              <span className="n">{percent(share, 1)}</span>
              <span className="steps">
                {path.nodes.map((id, i) => {
                  const node = byId.get(id);
                  return (
                    node && (
                      <span key={id}>
                        {i > 0 && <i className="arrow">→</i>}
                        <Step node={node} circuit={circuit} />
                      </span>
                    )
                  );
                })}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

const Step = ({ node, circuit }: { node: CircuitNode; circuit: CircuitResult }) => (
  <button
    type="button"
    className={`step ${node.kind}`}
    title={nodeName(node, circuit)}
    onFocus={() => point({ kind: 'node', task: circuit.task, id: node.id })}
    onBlur={() => point(undefined)}
  >
    {stepName(node, circuit)}
  </button>
);

function stepName(node: CircuitNode, { positions }: CircuitResult): string {
  const token = visibleToken((positions.exampleTokens[node.position] ?? '').trim());
  if (node.kind === 'token') return token;
  if (node.kind === 'output') return 'answer';
  const block = /blocks\.(\d+)\./.exec(node.site ?? '')?.[1] ?? '';
  return `${block} · ${node.kind === 'error' ? 'error' : `f${node.feature}`} @ ${token}`;
}
