/** @file One part of the circuit in the graph: square feature, hatched error, round token and answer. */
import { memo } from 'react';
import type { PlacedNode } from '../../../../src/pictures/circuit-layout.ts';
import { signColour } from '../../../../src/pictures/colours.ts';
import { fixed } from '../../../../src/pictures/scale.ts';
import type { CircuitNode } from '../../api/types.ts';
import { pin, point, type Selected } from '../../frame/selection.ts';

export interface GraphNodeProps {
  readonly placed: PlacedNode<CircuitNode>;
  readonly name: string;
  readonly task: string;
  readonly focusable: boolean;
  readonly active: boolean;
  readonly linked: boolean;
  readonly twin: boolean;
  readonly pinned: boolean;
}

const fillOf = ({ node, push }: PlacedNode<CircuitNode>): string =>
  node.kind === 'error' ? 'url(#graph-hatch)' : node.kind === 'feature' ? signColour(push) : 'var(--ink)';

export const GraphNode = memo((props: GraphNodeProps) => {
  const { placed, name, task, active, linked, twin, pinned } = props;
  const { node, x, y, side, push } = placed;
  const selected: Selected = { kind: 'node', task, id: node.id };
  const round = node.kind === 'token' || node.kind === 'output';
  const classes = [
    'node',
    node.kind,
    active && 'active',
    linked && 'linked',
    twin && 'twin',
    pinned && 'pinned',
  ];
  const ring = side / 2 + 3;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button cannot stand inside an SVG
    <g
      role="button"
      data-node={node.id}
      tabIndex={props.focusable ? 0 : -1}
      aria-label={`${name}, pushes ${push >= 0 ? 'toward' : 'against'} the answer by ${fixed(Math.abs(push), 3)}`}
      aria-pressed={pinned}
      className={classes.filter(Boolean).join(' ')}
      onPointerEnter={() => point(selected)}
      onPointerLeave={() => point(undefined)}
      onFocus={() => point(selected)}
      onClick={() => pin(selected)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          pin(selected);
        }
      }}
    >
      <rect className="reach" x={x - 8} y={y - 8} width={16} height={16} />
      {(active || twin || pinned) && (
        <rect
          className="ring"
          x={x - ring}
          y={y - ring}
          width={2 * ring}
          height={2 * ring}
          rx={round ? ring : 4}
        />
      )}
      <rect
        className="shape"
        x={x - side / 2}
        y={y - side / 2}
        width={side}
        height={side}
        rx={round ? side / 2 : 2}
        fill={fillOf(placed)}
      />
    </g>
  );
});
