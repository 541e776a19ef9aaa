/** @file The strongest parts of a circuit as a table: the graph in words. */
import { visibleToken } from '../../../../src/pictures/bars.ts';
import { cutName } from '../../../../src/pictures/circuit-layout.ts';
import { fixed } from '../../../../src/pictures/scale.ts';
import type { CircuitNode, CircuitResult } from '../../api/types.ts';
import { pin, point } from '../../frame/selection.ts';
import { FeatureName } from '../../ui/feature-name.tsx';
import { FiresOn } from '../../ui/fires-on.tsx';
import { SignedBar } from '../../ui/signed-bar.tsx';
import { Word } from '../../ui/word.tsx';

const most = 16;

/** Features and error nodes, the largest effect first. */
const strongestOf = (circuit: CircuitResult): CircuitNode[] =>
  circuit.nodes
    .filter((node) => node.kind === 'feature' || node.kind === 'error')
    .sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))
    .slice(0, most);

export function StrongestParts({ circuit }: { circuit: CircuitResult }) {
  const nodes = strongestOf(circuit);
  const largest = Math.max(1e-12, ...nodes.map((node) => Math.abs(node.effect)));
  return (
    <section className="section">
      <h2>The strongest parts</h2>
      <p className="says">
        How much each pushes the answer (minus its <Word term="effect">indirect effect</Word>), and the tokens
        on which its feature is most active anywhere in the text.
      </p>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>part</th>
              <th>where</th>
              <th>most active on</th>
              <th className="n">
                <Word term="push" />
              </th>
              <th>against · toward</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr
                key={node.id}
                onMouseEnter={() => point({ kind: 'node', task: circuit.task, id: node.id })}
                onMouseLeave={() => point(undefined)}
              >
                <td>
                  {node.kind === 'feature' && node.site !== undefined && node.feature !== undefined ? (
                    <FeatureName site={node.site} feature={node.feature} withSite={false} />
                  ) : (
                    <button
                      type="button"
                      className="link"
                      onClick={() => pin({ kind: 'node', task: circuit.task, id: node.id })}
                    >
                      <i className="hatched" /> error node
                    </button>
                  )}
                </td>
                <td>
                  {cutName(node)}, at{' '}
                  <span className="mono">
                    {visibleToken((circuit.positions.exampleTokens[node.position] ?? '').trim())}
                  </span>
                </td>
                <td>
                  {node.site !== undefined && node.feature !== undefined && (
                    <FiresOn site={node.site} feature={node.feature} />
                  )}
                </td>
                <td className="n">{fixed(-node.effect, 3)}</td>
                <td className="bar">
                  <SignedBar share={-node.effect / largest} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
