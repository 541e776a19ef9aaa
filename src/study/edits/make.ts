/** @file Edits made from the command line: data of a change measured, fitted or read, checked, and written. */
import { networkOf } from '../../circuits/cuts.ts';
import { encodeState } from '../../circuits/encode-state.ts';
import { pairsOf } from '../../circuits/examples.ts';
import { activeFeatures } from '../../circuits/feature-state.ts';
import { tokenStates } from '../../circuits/forward.ts';
import { UsageError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { f64, i64 } from '../../core/tensor.ts';
import { loadDictionary } from '../../dictionaries/files.ts';
import { applyEdit } from '../../edits/apply.ts';
import { fitBottleneck } from '../../edits/bottleneck.ts';
import { type ConceptKind, conceptKinds, fitConcept } from '../../edits/concepts.ts';
import {
  parseChange,
  RESIDUAL_WRITES,
  readArray,
  readEdit,
  residualWrites,
  writeEdit,
} from '../../edits/edit-file.ts';
import type { Change, Edit } from '../../edits/kinds/registry.ts';
import { type AtSite, type DictionaryAt, onFeatures, type Target } from '../../edits/kinds/types.ts';
import { coordinatesOf, placesOfEdit } from '../../edits/place.ts';
import { only } from '../../graph/interventions.ts';
import { checkSites } from '../../models/run.ts';
import type { Model } from '../../models/types.ts';
import { type EditRequest, type EditSetting, openEditSetting, openTasks, plainWindows } from './setting.ts';

/** Kinds as the command line names them: those of the file, and the ways to fit `erase`. */
export const madeKinds = [
  ...['zero', 'mean', 'resample', 'clamp', 'scale', 'steer', 'project'],
  ...conceptKinds.filter((kind) => kind !== 'steer'),
  'bottleneck',
] as const;

export interface MakeRequest extends EditRequest {
  readonly kind: string;
  readonly out: string;
  /** Adds the change to the edit that is there. */
  readonly append: boolean;
  readonly site?: string;
  readonly head?: number;
  readonly neurons?: readonly number[];
  readonly dictionary?: string;
  readonly features?: readonly number[];
  readonly strength?: number;
  readonly by?: number;
  readonly to?: number;
  readonly unit?: 'raw' | 'norm';
  /** FILE:NAME of an array. */
  readonly vector?: string;
  readonly skipFirst: boolean;
  /** Erasers pass the first position by unless this is said; only then do they fold into weights. */
  readonly everyPosition: boolean;
  /** What a concept is fitted to. */
  readonly task?: string;
  readonly examples: number;
  /** Concepts that stay behind a bottleneck. */
  readonly keep?: readonly string[];
  /** How much stays of what the concepts of a bottleneck do not say. */
  readonly residual?: number;
  /** Directions of a subspace. */
  readonly rank?: number;
  /** How many features or neurons are taken away. */
  readonly count?: number;
  /** What means and other rows are taken from. */
  readonly text: string;
  readonly windows: number;
  readonly length: number;
}

/** Rows that resampling keeps. */
const RESAMPLED = 64;

/** Makes one change, tries it on the model, and writes the edit. @throws UsageError `usage.options`, ModelError `model.unknown-site`, EditError */
export async function makeEdit(request: MakeRequest, context: WorkContext): Promise<Edit> {
  const { kind, out, append, strength } = request;
  if (!(madeKinds as readonly string[]).includes(kind))
    throw wrong(`"${kind}" is no kind of edit`, `choose ${madeKinds.join(', ')}`);
  const setting = await openEditSetting(request, context);
  const { model } = setting;
  const own = strength === undefined ? {} : { strength };
  const changes: Change[] = kind === 'features' ? [await servingChange(request, setting)] : [];
  for (const target of changes.length > 0 ? [] : await targetsOf(request, model)) {
    const { vector, ...data } = await dataOf(request, target, setting, context);
    changes.push(
      vector && 'kind' in vector
        ? { ...(vector as Change), ...own }
        : parseChange(
            { kind, ...target, ...own, ...data, ...(vector ? { vector } : {}) },
            'the command line',
          ),
    );
  }
  const before = append ? (await readEdit(out, model)).changes : [];
  const edit = { model: { name: model.name, hash: model.hash }, changes: [...before, ...changes] };
  applyEdit(edit, model);
  await writeEdit(out, edit);
  return edit;
}

const wrong = (message: string, hint: string) => new UsageError('usage.options', message, { hint });

async function targetsOf(request: MakeRequest, model: Model): Promise<Target[]> {
  const { site, head, neurons, dictionary: folder, features, skipFirst } = request;
  if ((site === undefined) === (folder === undefined))
    throw wrong(
      'an edit acts at a site or on features',
      'give --site SITE, or --dictionary FOLDER --features 1 2 …',
    );
  if (folder !== undefined) {
    if (!features?.length) throw wrong('there are no features', 'give --features 1 2 …');
    return [{ dictionary: { dictionary: await loadDictionary(folder), folder }, features }];
  }
  const part = {
    ...(head === undefined ? {} : { head }),
    ...(neurons?.length ? { neurons } : {}),
    ...(skipFirst ? { positions: { skipFirst } as const } : {}),
  };
  if (site !== RESIDUAL_WRITES) checkSites(model, [site!]);
  const sites = site === RESIDUAL_WRITES ? residualWrites(model.sites.map((s) => s.name)) : [site!];
  return sites.map((one) => ({ site: one, ...part }));
}

/** Features of a dictionary that serve a task, taken away. */
async function servingChange(request: MakeRequest, { model, run }: EditSetting): Promise<Change> {
  const { task, dictionary: folder, strength, count } = request;
  if (task === undefined || folder === undefined)
    throw wrong('features are found in a dictionary by a task', 'give --dictionary FOLDER and --task TASK');
  const dictionary = await loadDictionary(folder);
  const [opened] = await openTasks(model, [task], request);
  const pairs = pairsOf(opened!.name, opened!.train);
  const how = { dictionary, ...(count === undefined ? {} : { count }) };
  const change = await fitConcept(networkOf(model), 'features', dictionary.site, pairs, run, how);
  const at = onFeatures(change) ? { dictionary: { dictionary, folder } } : {};
  return { ...change, ...at, ...(strength === undefined ? {} : { strength }) } as Change;
}

type Data = Record<string, unknown> & { readonly vector?: object };

/** What a change says beside its target. */
async function dataOf(
  request: MakeRequest,
  target: Target,
  setting: EditSetting,
  context: WorkContext,
): Promise<Data> {
  const { kind, by, to, unit, task, vector } = request;
  const isConcept =
    (conceptKinds as readonly string[]).includes(kind) && (kind !== 'steer' || task !== undefined);
  if (isConcept) {
    if (task === undefined) throw wrong(`${kind} is fitted to a task`, 'give --task TASK');
    if (onFeatures(target)) throw wrong(`${kind} acts on the state`, 'give --site SITE');
    const [opened] = await openTasks(setting.model, [task], request);
    const pairs = pairsOf(opened!.name, opened!.train);
    const network = networkOf(setting.model);
    const { rank, seed, everyPosition, count } = request;
    const given = { ...(rank === undefined ? {} : { rank }), ...(count === undefined ? {} : { count }) };
    const how = { seed, everyPosition, ...given };
    const change = await fitConcept(network, kind as ConceptKind, target.site, pairs, setting.run, how);
    return { vector: { ...change, ...(kind === 'steer' ? { by: by ?? 1, unit: unit ?? 'raw' } : {}) } };
  }
  switch (kind) {
    case 'mean':
    case 'resample': {
      const { rows, count, size } = await rowsAt(request, target, setting, context);
      if (kind === 'mean') {
        const mean = new Float64Array(size);
        rows.forEach((value, i) => {
          mean[i % size]! += value / count;
        });
        return { mean: f64([size], mean) };
      }
      const order = random(request.seed).fork('resample').permutation(count).slice(0, RESAMPLED);
      const some = [...order].flatMap((r) => [...rows.subarray(r * size, (r + 1) * size)]);
      return { rows: f64([order.length, size], some) };
    }
    case 'clamp':
      if (to === undefined) throw wrong('clamp needs a value', 'give --to NUMBER');
      return { to };
    case 'scale':
      if (by === undefined) throw wrong('scale needs a factor', 'give --by NUMBER');
      return { by };
    case 'steer':
      return {
        by: by ?? 1,
        unit: unit ?? 'raw',
        ...(onFeatures(target) ? {} : { vector: await arrayNamed(vector, '--vector or --task') }),
      };
    case 'project':
      return onFeatures(target) ? {} : { directions: await arrayNamed(vector, '--vector') };
    case 'bottleneck':
      return bottleneckData(request, target, setting);
    default:
      return {};
  }
}

/** The concept of one task dropped, those of others kept. */
async function bottleneckData(
  request: MakeRequest,
  target: Target,
  { model, run }: EditSetting,
): Promise<Data> {
  const { task, keep = [], residual, everyPosition } = request;
  if (task === undefined || onFeatures(target))
    throw wrong(
      'a bottleneck drops the concept of a task at a site',
      'give --site SITE, --task TASK and --keep TASK …',
    );
  const tasks = await openTasks(model, [task, ...keep], request);
  const concepts = tasks.map((one, i) => ({ pairs: pairsOf(one.name, one.train), keep: i > 0 }));
  const how = { everyPosition, ...(residual === undefined ? {} : { residual }) };
  const { kind, site, strength, ...data } = await fitBottleneck(
    networkOf(model),
    target.site,
    concepts,
    run,
    how,
  );
  return data;
}

async function arrayNamed(given: string | undefined, options: string) {
  const at = given?.lastIndexOf(':') ?? -1;
  if (given === undefined || at <= 0)
    throw wrong('there is no vector', `give ${options}; a vector is FILE.npz:NAME or FILE.safetensors:NAME`);
  return readArray(given.slice(0, at), given.slice(at + 1));
}

/** Values of the coordinates or features of a target over plain text, first positions left out: [count, size]. */
async function rowsAt(
  request: MakeRequest,
  target: Target,
  { model, run }: EditSetting,
  context: WorkContext,
): Promise<{ readonly rows: Float64Array; readonly count: number; readonly size: number }> {
  const windows = await plainWindows(model, request, context);
  if (windows.length === 0) throw wrong('there is no text', 'give --text and --windows');
  const positions = windows[0]!.length;
  const ids_BT = Int32Array.from(windows.flatMap((w) => [...w]));
  const kept: number[][] = [];
  if (onFeatures(target)) {
    const network = networkOf(model);
    const d = (target.dictionary as DictionaryAt).dictionary;
    const [states] = await tokenStates(network, [{ ids_BT, positions }], [d.site], run);
    const shape = { examples: windows.length, positions, width: d.width };
    const state = await encodeState(d, states![d.site]!, shape, request.threads);
    for (let b = 0; b < windows.length; b++) {
      for (let t = 1; t < positions; t++) {
        const active = activeFeatures(state, b, t);
        if (active.size > 0) kept.push(target.features.map((f) => active.get(f) ?? 0));
      }
    }
  } else {
    const place = placesOfEdit({ changes: [zeroAt(target)] }, model).get(target.site)!;
    const chosen = coordinatesOf(target, place) ?? Array.from({ length: place.width }, (_, i) => i);
    const session = await run.open(only(model.graph, [target.site]));
    try {
      for (const window of windows) {
        const out = await session.run({ tokens: i64([1, positions], window) });
        const x = out[target.site]!.data as Float32Array;
        for (let t = 1; t < positions; t++) kept.push(chosen.map((i) => x[t * place.width + i]!));
      }
    } finally {
      await session.release();
    }
  }
  const size = kept[0]?.length ?? 0;
  return { rows: Float64Array.from(kept.flat()), count: kept.length, size };
}

const zeroAt = (target: AtSite): Change => parseChange({ kind: 'zero', ...target }, 'the command line');
