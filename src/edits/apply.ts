/** @file An edit as a rewrite of the graph: x′ = x + strength · δ(x) at each of its sites, strengths as inputs. */
import type { Random } from '../core/random.ts';
import { i64, type Tensor } from '../core/tensor.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { replaceAt, replacedName } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { positionsBefore } from '../models/build/cache.ts';
import type { Rewriting } from '../models/steps.ts';
import { actsWhere, deltaOf, floats, type Site } from './delta.ts';
import { type Change, type Edit, formOf } from './kinds/registry.ts';
import { onFeatures, siteOf } from './kinds/types.ts';
import { actsOnFeatures, type EditedNetwork, type Place, placesOfEdit, stateForm } from './place.ts';

/** Values before and after one change, in the graph with the whole edit. */
export interface Moved {
  readonly site: string;
  readonly before: string;
  readonly after: string;
  /** Number of axes of both. */
  readonly axes: number;
}

/** An edit that can be applied to the graphs of a network: the whole one, one cut open, the step graph of generation. */
export interface AppliedEdit extends Rewriting {
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** What is moved, change by change. */
  readonly moved: readonly Moved[];
  /** Feeds with all strengths multiplied by `factor`: 0 is the network as it was. */
  feedsAt(factor: number): Record<string, Tensor>;
}

/**
 * Prepares an edit for a network. Each change acts on what the changes before it left; features are read from the state
 * as it is then.
 * @throws EditError `edit.other-model`, `edit.unknown-site`, `edit.head`, `edit.neuron`, `edit.feature`, `edit.vector`,
 *   `edit.strength`, `edit.no-direction`
 */
export function applyEdit(edit: Edit, network: EditedNetwork): AppliedEdit {
  const steps = stepsOf(edit, network);
  const apply = (graph: Graph): Graph =>
    steps.reduce((changed, step) => {
      const module = (b: GraphBuilder, x: string) =>
        changedState(step, b, x, positionsBefore(b, graph), (delta) => delta);
      return replaceAt(changed, step.place.site, module);
    }, graph);
  return { apply, moved: movedBy(steps), ...strengths(steps) };
}

/**
 * The same edit in random directions: at every position each change moves the state exactly as far, its coordinates
 * exchanged and their signs drawn. `draw` gives the feeds of one draw.
 */
export function applyShuffled(
  edit: Edit,
  network: EditedNetwork,
): AppliedEdit & { draw(random: Random): Record<string, Tensor> } {
  const steps = stepsOf(edit, network).filter(({ place }) => place.width > 0);
  const names = (key: string) => ({ order: `${key}:order`, signs: `${key}:signs` });
  const apply = (graph: Graph): Graph =>
    steps.reduce((changed, step) => {
      const { order, signs } = names(step.key);
      const { width, dtype, site } = step.place;
      const module = (b: GraphBuilder, x: string) =>
        changedState(step, b, x, positionsBefore(b, graph), (delta) => {
          const moved = b.op('Gather', [delta, b.input(order, 'int64', [width])], { axis: { int: -1 } });
          return b.op('Mul', [moved, b.input(signs, dtype, [width])]);
        });
      return replaceAt(changed, site, module);
    }, graph);
  const draw = (random: Random): Record<string, Tensor> =>
    Object.fromEntries(
      steps.flatMap(({ key, place }) => {
        const { order, signs } = names(key);
        const sign = Array.from({ length: place.width }, () => (random.uniform() < 0.5 ? -1 : 1));
        return [
          [order, i64([place.width], Array.from(random.permutation(place.width)))],
          [signs, floats(place)([place.width], sign)],
        ] as const;
      }),
    );
  return { apply, moved: movedBy(steps), ...strengths(steps), draw };
}

/** Names as replaceAt() gives them on a graph in which nothing was replaced before. */
function movedBy(steps: readonly Step[]): Moved[] {
  const times = new Map<string, number>();
  return steps.map(({ place: { site, axes } }) => {
    const count = times.get(site) ?? 0;
    times.set(site, count + 1);
    return { site, before: replacedName(site, count), after: replacedName(site, count + 1), axes };
  });
}

interface Step {
  readonly change: Change;
  readonly place: Place;
  /** Name of the input of its strength. */
  readonly key: string;
}

function stepsOf(edit: Edit, network: EditedNetwork): Step[] {
  const places = placesOfEdit(edit, network);
  return edit.changes.map((change, i) => {
    const place = places.get(siteOf(change))!;
    // Forms are made here already, so that what does not fit is told before anything runs.
    if (actsOnFeatures(change)) formOf(change, onFeatures(change) ? change.features.length : 0);
    else stateForm(change, place);
    return { change, place, key: `edit-strength:${i}:${place.site}` };
  });
}

function strengths(steps: readonly Step[]): Pick<AppliedEdit, 'feeds' | 'feedsAt'> {
  const feedsAt = (factor: number): Record<string, Tensor> =>
    Object.fromEntries(
      steps.map(({ key, change, place }) => [key, floats(place)([], [factor * change.strength])]),
    );
  return { feeds: feedsAt(1), feedsAt };
}

/** x + strength · turn(δ(x)). */
function changedState(
  { change, place, key }: Step,
  b: GraphBuilder,
  x: string,
  before: string | undefined,
  turn: (delta: string) => string,
): string {
  const heads = place.sizes.length === 2;
  const flat = heads ? b.op('Reshape', [x, b.ints(0, 0, place.width)]) : x;
  const site: Site = { b, x: flat, place, before };
  const delta = turn(deltaOf(site, change));
  const read = actsWhere(site, change);
  const strength = b.input(key, place.dtype, []);
  const factor = read === undefined ? strength : b.op('Mul', [read, strength]);
  const moved = b.op('Add', [flat, b.op('Mul', [delta, factor])]);
  return heads ? b.op('Reshape', [moved, b.ints(0, 0, ...place.sizes)]) : moved;
}

/** The graph in which inputs that `feeds` names are constants: nothing more has to be fed. */
export function bakeFeeds(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Graph {
  const weights = new Map(graph.weights);
  for (const { name } of graph.inputs) if (feeds[name]) weights.set(name, feeds[name]);
  return { ...graph, inputs: graph.inputs.filter(({ name }) => !feeds[name]), weights };
}
