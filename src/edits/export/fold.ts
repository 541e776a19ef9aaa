/** @file An edit put into the weights, where that is exact: the folded model computes what the edited one did. */
import { EditError } from '../../core/errors.ts';
import { contentHash, sha256 } from '../../core/hash.ts';
import { emptyArray, type Tensor, tensor, zeros } from '../../core/tensor.ts';
import type { Weight } from '../../graph/types.ts';
import { buildModel } from '../../models/build/model.ts';
import { modelSites } from '../../models/sites.ts';
import type { Model, ModelShape } from '../../models/types.ts';
import { countParameters, modelWeights, readWeight } from '../../models/weights.ts';
import type { Change, Edit } from '../kinds/registry.ts';
import { transposed } from '../kinds/schema.ts';
import { onFeatures, siteOf } from '../kinds/types.ts';
import { placesOfEdit, type StateForm, stateForm } from '../place.ts';
import { addDelta } from '../rows.ts';
import { type BiasGroup, type FoldPlace, foldPlace } from './fold-sites.ts';

type Affine = Extract<StateForm, { form: 'affine' }>;

interface Fold {
  readonly site: string;
  readonly place: FoldPlace;
  readonly form: Affine;
  readonly strength: number;
}

/**
 * The model with the edit in its weights, in float64 until they are stored. Biases are added where the model has none
 * (0 elsewhere), and a tied unembedding becomes a table of its own when the embedding changes.
 * @throws EditError `edit.not-foldable` saying why; what applyEdit() throws
 */
export async function foldEdit(model: Model, edit: Edit): Promise<Model> {
  const folds = foldsOf(model, edit);
  const weights = new Map(model.graph.weights);
  const shape = prepared(model.shape, folds, weights, dtypeOf(model));
  // What reads a site sees the last change first: maps that read are changed from the last change to the first.
  const reads = folds.filter((f) => f.place.side === 'reads').reverse();
  for (const fold of [...folds.filter((f) => f.place.side !== 'reads'), ...reads]) await put(fold, weights);
  const dtype = dtypeOf(model);
  const note = [model.note, 'an edit is folded into its weights'].filter(Boolean).join('; ');
  return {
    ...model,
    name: `${model.name}-edited`,
    note,
    parameters: countParameters(shape),
    hash: contentHash({ folded: 1, model: model.hash, edit: editHash(edit) }),
    shape,
    graph: buildModel(shape, weights, { dtype }),
    sites: modelSites(shape),
  };
}

/** Where each change goes. @throws EditError `edit.not-foldable` */
function foldsOf(model: Model, edit: Edit): Fold[] {
  const places = placesOfEdit(edit, model);
  return edit.changes.map((change): Fold => {
    const site = siteOf(change);
    const place = foldPlace(site, model.shape);
    if (typeof place === 'string') throw notFoldable(site, place);
    const form = affineForm(change, () => stateForm(change, places.get(site)!));
    if (place.side.startsWith('sum') && (form.scale || form.lowRank)) {
      throw notFoldable(
        site,
        'the stream is a sum of what many maps wrote, and those before it are read on the way: only a constant ' +
          'vector can be folded here',
        'change everything that is written instead ("site": "residual-writes"), or steer by a vector in raw units',
      );
    }
    return { site, place, form, strength: change.strength };
  });
}

/** Why a change does not fold into the weights of a model; undefined where it does. */
export function whyNotFoldable(model: Model, change: Change): string | undefined {
  try {
    foldsOf(model, { changes: [change] });
    return undefined;
  } catch (error) {
    if (error instanceof EditError && error.code === 'edit.not-foldable') return error.message;
    throw error;
  }
}

const dtypeOf = ({ graph }: Model): 'float32' | 'float64' =>
  graph.weights.get('W_E')?.dtype === 'float64' ? 'float64' : 'float32';

/** Of all that an edit says, arrays by their bytes. */
export const editHash = (edit: Edit): string =>
  sha256(
    JSON.stringify(edit.changes, (_, value: unknown) =>
      ArrayBuffer.isView(value)
        ? sha256(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
        : value,
    ),
  );

function affineForm(change: Change, form: () => StateForm): Affine {
  const site = siteOf(change);
  if (onFeatures(change)) {
    const why = 'features are read by an encoder that is not linear, and only at the positions that it reads';
    throw notFoldable(site, why, 'export without folding: the encoder then goes with the network');
  }
  if (change.positions)
    throw notFoldable(
      site,
      'weights act at every position, and the edit passes some by',
      'leave "positions" out',
    );
  const made = form();
  if (made.form === 'affine') return made;
  const why = made.form === 'norm' ? 'it depends on the norm of the state' : 'it puts in other rows';
  throw notFoldable(site, `${why}, which no weight can do`);
}

const notFoldable = (
  site: string,
  why: string,
  hint = 'export without folding: the edit is then part of the graph',
) =>
  new EditError('edit.not-foldable', `the edit at "${site}" does not fold into weights: ${why}`, {
    where: site,
    hint,
  });

/** The shape with the biases that the folds need, new ones 0, and the unembedding by itself where the embedding changes. */
function prepared(
  shape: ModelShape,
  folds: readonly Fold[],
  weights: Map<string, Weight>,
  dtype: 'float32' | 'float64',
): ModelShape {
  const groups = new Set<BiasGroup>(shape.biases ?? []);
  for (const { place, form } of folds) {
    if (!form.shift || !('group' in place)) continue;
    groups.add(place.group);
    // One switch of Llama's configuration stands for both.
    if (shape.family === 'llama' && place.group !== 'mlp')
      for (const g of ['qkv', 'out'] as const) groups.add(g);
  }
  const untied = shape.tied && folds.some(({ place }) => 'weight' in place && place.weight === 'W_E');
  if (untied) weights.set('W_U', weights.get('W_E')!);
  const biases = (['qkv', 'out', 'mlp'] as const).filter((group) => groups.has(group));
  const after: ModelShape = {
    ...shape,
    ...(biases.length > 0 ? { biases } : {}),
    ...(untied ? { tied: false } : {}),
  };
  for (const spec of modelWeights(after))
    if (!weights.has(spec.name) && spec.role === 'bias') weights.set(spec.name, zeros(dtype, spec.shape));
  return after;
}

async function put({ place, form, strength }: Fold, weights: Map<string, Weight>): Promise<void> {
  const { shift, ...linear } = form;
  const change = async (
    name: string,
    how: (values: Float64Array, shape: readonly number[]) => Float64Array,
  ) => {
    const old = await readWeight(weights.get(name)!);
    weights.set(name, like(old, how(Float64Array.from(old.data as Float32Array), old.shape)));
  };
  switch (place.side) {
    case 'writes':
      await change(place.weight, (W, [, n]) => rowsMoved(W, n!, linear, strength));
      if (weights.has(place.bias)) await change(place.bias, (b) => rowsMoved(b, b.length, form, strength));
      return;
    case 'reads': {
      if (shift) {
        const W = await readWeight(weights.get(place.weight)!);
        await change(place.bias, (b) => plusThrough(b, shift, strength, W));
      }
      await change(place.weight, (W, [n, out]) => {
        const columns = transposed(W, n!, out!);
        return transposed(rowsMoved(columns, n!, adjoint(linear, n!), strength), out!, n!);
      });
      return;
    }
    case 'table':
    case 'sum-table': {
      const { times } = place;
      await change(place.weight, (W, [, n]) =>
        rowsMoved(
          W.map((v) => v * times),
          n!,
          form,
          strength,
        ).map((v) => v / times),
      );
      return;
    }
    case 'sum':
      await change(place.bias, (b) => rowsMoved(b, b.length, form, strength));
  }
}

/** Rows x + strength · δ(x) of a matrix with rows of n numbers. */
function rowsMoved(rows: Float64Array, n: number, form: Affine, strength: number): Float64Array {
  const out = rows.slice();
  for (let from = 0; from < rows.length; from += n) addDelta(form, rows, from, n, strength, out, from);
  return out;
}

/** The map whose matrix is the transpose: (R·W)ᵀ = Wᵀ·Rᵀ. */
function adjoint({ scale, lowRank }: Affine, n: number): Affine {
  if (!lowRank) return { form: 'affine', ...(scale ? { scale } : {}) };
  const { rank, read, write } = lowRank;
  const turned = { rank, read: transposed(write, rank, n), write: transposed(read, n, rank) };
  return { form: 'affine', ...(scale ? { scale } : {}), lowRank: turned };
}

/** b + strength · shift·W. */
function plusThrough(
  b: Float64Array,
  shift: Float64Array,
  strength: number,
  { shape, data }: Tensor,
): Float64Array {
  const [n, out] = shape as [number, number];
  const moved = b.slice();
  for (let i = 0; i < n; i++) {
    const value = strength * shift[shift.length === 1 ? 0 : i]!;
    for (let o = 0; o < out; o++) moved[o]! += value * Number(data[i * out + o]);
  }
  return moved;
}

function like({ dtype, shape }: Tensor, values: Float64Array): Tensor {
  const data = emptyArray(dtype, values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i]!;
  return tensor(dtype, shape, data);
}
