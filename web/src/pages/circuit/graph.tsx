/** @file The circuit as a graph that can be explored: point, click, arrow keys, zoom. */
import { type KeyboardEvent, memo, useMemo, useRef } from 'react';
import { visibleToken } from '../../../../src/pictures/bars.ts';
import type { CircuitLayout, PlacedEdge } from '../../../../src/pictures/circuit-layout.ts';
import type { CircuitNode, CircuitResult } from '../../api/types.ts';
import { nodeName } from '../../frame/cards.tsx';
import { pin, point, readSelected, type Selected, usePointed } from '../../frame/selection.ts';
import { usePlace } from '../../router.tsx';
import { edgeKey, type FlowPath, glowAround, glowOf } from './flow.ts';
import { GraphNode } from './graph-node.tsx';
import { nearestInDirection } from './keys.ts';
import { useZoom, ZoomButtons } from './zoom.tsx';

/** Edges that answer the pointer, the strongest first: thin ones could not be hit anyway. */
const touchable = 400;

export interface GraphProps {
  readonly circuit: CircuitResult;
  readonly layout: CircuitLayout<CircuitNode>;
  /** Keys of the edges that are drawn where nothing is pointed at; all by default. */
  readonly only: ReadonlySet<string> | undefined;
  /** A path that is followed: it glows while no part is pointed at. */
  readonly path: FlowPath | undefined;
  /** The most carrying paths through a part. */
  readonly through: (id: string) => readonly FlowPath[];
}

export function Graph({ circuit, layout, only, path, through }: GraphProps) {
  const { task } = circuit;
  const zoom = useZoom(layout.width, layout.height);
  const box = useRef<SVGSVGElement>(null);
  const pointed = usePointed();
  const pinned = readSelected(usePlace().query.get('sel'));
  const active = own(pointed, task) ?? own(pinned, task);
  const activeKind = active?.kind;
  const activeId =
    active?.kind === 'edge' ? edgeKey(active) : active?.kind === 'node' ? active.id : undefined;
  const lit = useMemo(() => {
    if (activeKind === 'edge' && activeId) return new Map([[activeId, 1]]);
    if (activeKind !== 'node' || !activeId) return glowOf(path ? [path] : []);
    const glow = glowOf(through(activeId));
    return glow.size > 0
      ? glow
      : glowAround(
          activeId,
          layout.edges.map((one) => one.edge),
        );
  }, [activeKind, activeId, path, through, layout]);
  const activeNode = active?.kind === 'node' ? active.id : undefined;
  const drawn = useMemo(
    () => (only ? layout.edges.filter((one) => only.has(edgeKey(one.edge))) : layout.edges),
    [layout, only],
  );
  const linked = useMemo(() => nodesOf(lit, layout.edges), [lit, layout]);
  const feature = layout.nodes.find((one) => one.node.id === activeNode)?.node;

  const onKeyDown = (event: KeyboardEvent) => {
    const from = layout.nodes.find((one) => one.node.id === activeNode) ?? layout.nodes.at(-1);
    const to = from && nearestInDirection(event.key, from, layout.nodes);
    if (!to) return;
    event.preventDefault();
    const selected: Selected = { kind: 'node', task, id: to.node.id };
    point(selected);
    box.current?.querySelector<SVGElement>(`[data-node="${CSS.escape(to.node.id)}"]`)?.focus();
  };
  const focusable = activeNode ?? layout.nodes.at(-1)?.node.id;

  return (
    <div className="graph">
      <ZoomButtons zoom={zoom} />
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be an SVG */}
      <svg
        ref={box}
        width={layout.width}
        height={layout.height}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="group"
        aria-label={`Circuit of ${circuit.title}: arrow keys move from part to part, Enter pins one`}
        className={zoom.scale > 1 ? 'zoomed' : ''}
        onKeyDown={onKeyDown}
        onPointerLeave={() => point(undefined)}
        {...zoom.handlers}
      >
        <defs>
          <pattern
            id="graph-hatch"
            width="4"
            height="4"
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <rect width="4" height="4" fill="var(--paper)" />
            <line x1="0" y1="0" x2="0" y2="4" stroke="var(--null)" strokeWidth="2.6" />
          </pattern>
        </defs>
        <g transform={zoom.transform}>
          <Grounds layout={layout} />
          <g className={lit.size > 0 ? 'edges-all dim' : 'edges-all'}>
            <Edges edges={drawn} task={task} />
          </g>
          <Lit edges={layout.edges} lit={lit} />
          <g className={linked.size > 0 ? 'nodes some' : 'nodes'}>
            {layout.nodes.map((one) => (
              <GraphNode
                key={one.node.id}
                placed={one}
                name={nodeName(one.node, circuit)}
                task={task}
                focusable={one.node.id === focusable}
                active={one.node.id === activeNode}
                linked={linked.has(one.node.id)}
                twin={isTwin(feature, one.node)}
                pinned={pinned?.kind === 'node' && pinned.id === one.node.id}
              />
            ))}
          </g>
        </g>
      </svg>
    </div>
  );
}

const own = (selected: Selected | undefined, task: string): Selected | undefined =>
  selected && selected.kind !== 'feature' && selected.task === task ? selected : undefined;

function nodesOf(lit: ReadonlyMap<string, number>, edges: readonly PlacedEdge[]): Set<string> {
  const nodes = new Set<string>();
  for (const { edge } of edges) {
    if (!lit.has(edgeKey(edge))) continue;
    nodes.add(edge.source);
    nodes.add(edge.target);
  }
  return nodes;
}

/** The same feature at another position. */
const isTwin = (a: CircuitNode | undefined, b: CircuitNode): boolean =>
  a?.feature !== undefined && a.feature === b.feature && a.site === b.site && a.id !== b.id;

/** Names of rows and columns. */
const Grounds = memo(({ layout }: { layout: CircuitLayout }) => (
  <g className="grounds">
    {layout.rows.map((row) => (
      <text key={row.label} x={0} y={row.y + 4}>
        {row.label}
      </text>
    ))}
    {layout.columns.map((column, i) => (
      <g key={column.position}>
        {i > 0 && <line x1={column.left} x2={column.left} y1={8} y2={layout.height - 44} />}
        <text className="column mono" x={(column.left + column.right) / 2} y={layout.height - 22}>
          {visibleToken(column.token.trim())}
        </text>
        <text className="column" x={(column.left + column.right) / 2} y={layout.height - 5}>
          {column.label}
        </text>
      </g>
    ))}
  </g>
));

/** All edges; drawn once per layout. The strongest have a wide unseen twin that answers the pointer. */
const Edges = memo(({ edges, task }: { edges: readonly PlacedEdge[]; task: string }) => (
  <>
    {edges.map(({ edge, path, width, opacity, colour }) => (
      <path key={edgeKey(edge)} d={path} stroke={colour} strokeWidth={width} opacity={opacity} />
    ))}
    {edges.slice(-touchable).map(({ edge, path }) => {
      const selected: Selected = { kind: 'edge', task, source: edge.source, target: edge.target };
      return (
        // biome-ignore lint/a11y/noStaticElementInteractions: edges are reached by keyboard through the inspector's lists
        <path
          key={edgeKey(edge)}
          d={path}
          className="touch"
          data-edge={edgeKey(edge)}
          onPointerEnter={() => point(selected)}
          onPointerLeave={() => point(undefined)}
          onClick={() => pin(selected)}
        />
      );
    })}
  </>
));

/** Edges on the paths in question, the more they carry the brighter. */
const Lit = ({ edges, lit }: { edges: readonly PlacedEdge[]; lit: ReadonlyMap<string, number> }) => {
  if (lit.size === 0) return null;
  const shown = edges.flatMap((one) => {
    const strength = lit.get(edgeKey(one.edge));
    return strength === undefined ? [] : [{ ...one, strength }];
  });
  return (
    <g className="lit" data-testid="lit">
      {shown.map(({ edge, path, width, colour, strength }) => (
        <path
          key={`${edgeKey(edge)} glow`}
          d={path}
          stroke={colour}
          strokeWidth={width + 3 + 5 * strength}
          opacity={0.05 + 0.17 * strength}
        />
      ))}
      {shown.map(({ edge, path, width, colour, strength }) => (
        <path
          key={edgeKey(edge)}
          d={path}
          stroke={colour}
          strokeWidth={Math.max(0.8 + 0.6 * strength, width)}
          opacity={0.3 + 0.7 * strength}
        />
      ))}
    </g>
  );
};
