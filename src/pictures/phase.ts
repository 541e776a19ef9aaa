/**
 * @file Phase portraits: energy levels as faint contours, the separatrix dashed, trajectories by time from light to dark;
 * and Poincaré sections, the points where orbits pierce a plane.
 */
import { type Frame, xAxis, yAxis } from './axes.ts';
import { categories, hairline, ink, inkSoft } from './colours.ts';
import { contour, type Grid } from './contour.ts';
import { linear } from './scale.ts';
import { el, picture, polyline, type Size, text, title } from './svg.ts';

/** One orbit in the plane of the portrait: x[i], y[i] in the order of time. */
export interface Orbit {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly colour?: string;
}

export interface PhaseOptions extends Size {
  readonly label: string;
  readonly xName: string;
  readonly yName: string;
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** Energies on a grid, with the levels to draw. */
  readonly energy?: { readonly grid: Grid; readonly levels: readonly number[] };
  /** Levels drawn dashed, with their names. */
  readonly separatrix?: readonly { readonly level: number; readonly name: string }[];
}

/** Most points that a drawn orbit keeps, and the number of its pieces from light to dark. */
const orbitPoints = 2400;
const shades = 12;

/** Phase portrait of `orbits`. With `until` in (0, 1] only that share of every orbit is drawn, with a dot at its end. */
export function phasePicture(orbits: readonly Orbit[], options: PhaseOptions, until = 1): string {
  const frame = frameOf(options);
  const { x, y } = scalesOf(options, frame);
  const clip = `phase-${options.width}-${options.height}`;
  const levels = options.energy
    ? options.energy.levels.map((level) => levelPath(options.energy!.grid, level, x, y, {}))
    : [];
  const separatrices =
    options.energy && options.separatrix
      ? options.separatrix.map(({ level, name }) =>
          el(
            'g',
            {},
            levelPath(options.energy!.grid, level, x, y, {
              stroke: ink,
              opacity: 0.8,
              'stroke-dasharray': '5 4',
            }),
            title(name),
          ),
        )
      : [];
  return picture(
    options,
    options.label,
    yAxis(y, frame, options.yName),
    el('clipPath', { id: clip }, box(frame)),
    el(
      'g',
      { 'clip-path': `url(#${clip})` },
      ...levels,
      ...separatrices,
      ...orbits.map((orbit, i) =>
        drawOrbit(
          orbit,
          x,
          y,
          orbit.colour ?? categories[i % categories.length]!,
          until,
          (frame.right - frame.left) / 2,
        ),
      ),
    ),
    el('line', { x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, stroke: hairline }),
    xAxis(x, frame, options.xName),
    legend(orbits, frame, options.yName),
  );
}

/** Points of a Poincaré section, one colour per orbit. */
export function sectionPicture(orbits: readonly Orbit[], options: PhaseOptions): string {
  const frame = frameOf(options);
  const { x, y } = scalesOf(options, frame);
  return picture(
    options,
    options.label,
    yAxis(y, frame, options.yName),
    ...orbits.map((orbit, i) => {
      const points: string[] = [];
      for (let k = 0; k < orbit.x.length; k++) {
        const dot = polyline([[x(orbit.x[k]!), y(orbit.y[k]!)]]);
        if (dot !== '') points.push(`${dot}h0`);
      }
      return el(
        'path',
        {
          d: points.join(''),
          stroke: orbit.colour ?? categories[i % categories.length]!,
          'stroke-width': 1.8,
          'stroke-linecap': 'round',
          fill: 'none',
        },
        title(orbit.name),
      );
    }),
    el('line', { x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom, stroke: hairline }),
    xAxis(x, frame, options.xName),
  );
}

const frameOf = ({ width, height }: Size): Frame => ({
  left: 52,
  right: width - 16,
  top: 40,
  bottom: height - 46,
});

const scalesOf = (options: PhaseOptions, frame: Frame) => ({
  x: linear([options.x[0], options.x[1]], [frame.left, frame.right], 7),
  y: linear([options.y[0], options.y[1]], [frame.bottom, frame.top]),
});

const box = (frame: Frame): string =>
  el('rect', {
    x: frame.left,
    y: frame.top,
    width: frame.right - frame.left,
    height: frame.bottom - frame.top,
  });

function levelPath(
  grid: Grid,
  level: number,
  x: (v: number) => number,
  y: (v: number) => number,
  style: Readonly<Record<string, string | number>>,
): string {
  const d = contour(grid, level)
    .map((line) => polyline(line.map(([a, b]) => [x(a), y(b)])))
    .join('');
  return d === ''
    ? ''
    : el('path', { d, fill: 'none', stroke: inkSoft, opacity: 0.28, 'stroke-width': 1, ...style });
}

function drawOrbit(
  orbit: Orbit,
  x: (v: number) => number,
  y: (v: number) => number,
  colour: string,
  until: number,
  jump: number,
): string {
  const count = Math.max(1, Math.round(orbit.x.length * Math.min(1, Math.max(0, until))));
  const every = Math.max(1, Math.ceil(count / orbitPoints));
  const points: [number, number][] = [];
  const add = (i: number) => {
    const point: [number, number] = [x(orbit.x[i] ?? Number.NaN), y(orbit.y[i] ?? Number.NaN)];
    // An orbit that flew apart ends where its numbers end.
    if (point.every(Number.isFinite)) points.push(point);
  };
  for (let i = 0; i < count; i += every) add(i);
  add(count - 1);
  if (points.length === 0) return '';
  const size = Math.max(1, Math.ceil(points.length / shades));
  const pieces: string[] = [];
  for (let from = 0; from < points.length - 1; from += size) {
    const piece = points.slice(from, from + size + 1);
    pieces.push(
      el('path', {
        d: unbroken(piece, jump).map(polyline).join(''),
        fill: 'none',
        stroke: colour,
        opacity: 0.25 + (0.75 * (from + piece.length)) / points.length,
        'stroke-width': 1.8,
        'stroke-linejoin': 'round',
      }),
    );
  }
  const [cx, cy] = points.at(-1)!;
  return el('g', {}, ...pieces, el('circle', { cx, cy, r: 3.5, fill: colour }), title(orbit.name));
}

/** Points in runs without a jump along x: an angle that passes π goes on at −π. */
function unbroken(points: readonly [number, number][], jump: number): [number, number][][] {
  const runs: [number, number][][] = [];
  points.forEach((point, i) => {
    const before = points[i - 1];
    if (!before || Math.abs(point[0] - before[0]) > jump) runs.push([]);
    runs.at(-1)!.push(point);
  });
  return runs;
}

/** The orbits' names in one line above the picture, as many as there is room for. */
function legend(orbits: readonly Orbit[], frame: Frame, yName: string): string {
  let left = frame.left + yName.length * 6.6 + 24;
  return orbits
    .map((orbit, i) => {
      const wide = orbit.name.length * 6.6 + 26;
      if (orbits.length < 2 || left + wide > frame.right + 12) return '';
      const at = left;
      left += wide;
      return (
        el('circle', {
          cx: at,
          cy: frame.top - 14,
          r: 4,
          fill: orbit.colour ?? categories[i % categories.length]!,
        }) + text(at + 8, frame.top - 10, orbit.name, { fill: ink })
      );
    })
    .join('');
}
