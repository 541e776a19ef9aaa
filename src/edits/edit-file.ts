/** @file An edit that a person wrote: changes at sites and of features in a JSON file, applied to any graph of a model. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { CircuitError } from '../core/errors.ts';
import { f32, type Tensor } from '../core/tensor.ts';
import { loadDictionary } from '../dictionaries/files.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { formFault, readJson } from '../files/atomic.ts';
import { readNpz } from '../files/npz.ts';
import { type Module, replaceAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { checkSites } from '../models/run.ts';
import type { Rewriting } from '../models/steps.ts';
import type { Model, SiteInfo } from '../models/types.ts';
import { featureEdit, type SiteEdit } from './choose.ts';
import { editableAt, editFeeds } from './edit-graph.ts';

const head = z.int().min(0).optional();
const changeSchema = z.discriminatedUnion('kind', [
  /** x′ = by · x; 0 ablates. */
  z.strictObject({ kind: z.literal('scale'), site: z.string(), by: z.number(), head }),
  /** x′ = x + by · vector: steering. */
  z.strictObject({
    kind: z.literal('add'),
    site: z.string(),
    vector: z.union([z.array(z.number()).min(1), z.strictObject({ file: z.string(), name: z.string() })]),
    by: z.number().default(1),
    head,
  }),
  /** Features of a dictionary taken away: strength 1 removes them, 0.5 halves them, below 0 makes them stronger. */
  z.strictObject({
    kind: z.literal('features'),
    dictionary: z.string(),
    features: z.array(z.int().min(0)).min(1),
    strength: z.number().default(1),
  }),
]);
type Change = z.infer<typeof changeSchema>;

/** What an edit file holds. */
const editFileSchema = z.strictObject({
  format: z.literal('untangle-edit'),
  version: z.literal(1),
  changes: z.array(changeSchema).min(1),
});

/**
 * Reads an edit for `model`. Files that it names lie relative to it. Its changes act in their order, at every position;
 * features keep to the positions that their dictionary reads.
 * @throws FileError `file.missing`, CircuitError `edit.file` (another form), ModelError `model.unknown-site`, `edit.head`,
 *   `edit.vector`, `edit.feature`, `circuit.other-model`
 */
export async function readEdit(path: string, model: Model): Promise<Rewriting> {
  const { changes } = await readJson(path, editFileSchema).catch((error: unknown) => {
    const fault = formFault(error);
    if (fault === undefined) throw error;
    throw new CircuitError('edit.file', `${path} is no edit: ${fault}`, {
      where: path,
      hint: 'its form is described in docs/cli.md, "Edits"',
      cause: error,
    });
  });
  const folder = dirname(path);
  const steps: { apply: (graph: Graph) => Graph; feeds?: Record<string, Tensor> }[] = [];
  for (const change of changes) {
    if (change.kind === 'features') steps.push(await featureStep(change, folder, model));
    else {
      const site = siteOf(model, change.site, change.head);
      const module = change.kind === 'scale' ? scaled(site, change) : await shifted(site, change, folder);
      steps.push({ apply: (graph) => replaceAt(graph, site.name, module) });
    }
  }
  return {
    apply: (graph) => steps.reduce((changed, step) => step.apply(changed), graph),
    feeds: Object.assign({}, ...steps.map((step) => step.feeds ?? {})) as Record<string, Tensor>,
  };
}

/** A site, and the sizes of its last axes: [width], or [heads, width of a head]. */
interface Place {
  readonly name: string;
  readonly sizes: readonly number[];
}

function siteOf(model: Model, name: string, head: number | undefined): Place {
  checkSites(model, [name]);
  const site: SiteInfo | undefined = model.sites.find((one) => one.name === name);
  const sizes = (site?.shape.slice(2) ?? []).filter((size): size is number => typeof size === 'number');
  if (head !== undefined && (sizes.length !== 2 || head >= sizes[0]!)) {
    throw new CircuitError('edit.head', `"${name}" has no head ${head}`, {
      where: name,
      hint:
        sizes.length === 2
          ? `its heads go from 0 to ${sizes[0]! - 1}`
          : 'heads are told apart at hook_q, hook_k, hook_v and hook_z',
    });
  }
  return { name, sizes };
}

const scaled =
  ({ sizes }: Place, { by, head }: Extract<Change, { kind: 'scale' }>): Module =>
  (b, x) => {
    const factor =
      head === undefined
        ? f32([], [by])
        : f32(
            [sizes[0]!, 1],
            Array.from({ length: sizes[0]! }, (_, h) => (h === head ? by : 1)),
          );
    return b.op('Mul', [x, b.constant(factor, 'edit-factor')]);
  };

async function shifted(
  place: Place,
  change: Extract<Change, { kind: 'add' }>,
  folder: string,
): Promise<Module> {
  const { sizes, name } = place;
  const { vector, by, head } = change;
  const values = Array.isArray(vector) ? vector : await vectorOf(resolve(folder, vector.file), vector.name);
  const width = head === undefined ? sizes.reduce((a, b) => a * b, 1) : sizes[1]!;
  if (sizes.length === 0 || values.length !== width) {
    throw new CircuitError(
      'edit.vector',
      `the vector has ${values.length} numbers, "${name}" takes ${sizes.length === 0 ? 'none' : width}`,
      {
        where: name,
        hint: 'add at a site with a fixed width, e.g. the residual stream, with one number for each of its numbers',
      },
    );
  }
  const shift = new Float32Array(sizes.reduce((a, b) => a * b, 1));
  shift.set(
    values.map((value) => by * value),
    (head ?? 0) * width,
  );
  return (b, x) => b.op('Add', [x, b.constant(f32(sizes, shift), 'edit-shift')]);
}

async function vectorOf(file: string, name: string): Promise<number[]> {
  const found = (await readNpz(file))[name];
  if (found && found.dtype !== 'int64') return Array.from(found.data as Float32Array);
  throw new CircuitError('edit.vector', `${file} has no array of floats named "${name}"`, {
    where: file,
    hint: 'write it with numpy.savez, or with untangle run --read … --out',
  });
}

async function featureStep(
  change: Extract<Change, { kind: 'features' }>,
  folder: string,
  model: Model,
): Promise<{ apply: (graph: Graph) => Graph; feeds: Record<string, Tensor> }> {
  const dictionary: Dictionary = await loadDictionary(resolve(folder, change.dictionary));
  if (dictionary.modelHash !== model.hash) {
    throw new CircuitError(
      'circuit.other-model',
      `${change.dictionary} was learned on another model than ${model.name}`,
      {
        where: change.dictionary,
        hint: 'train it again on this model',
      },
    );
  }
  const beyond = change.features.find((feature) => feature >= dictionary.features);
  if (beyond !== undefined) {
    throw new CircuitError('edit.feature', `the dictionary has no feature ${beyond}`, {
      where: change.dictionary,
      hint: `its features go from 0 to ${dictionary.features - 1}`,
    });
  }
  const chosen = change.features.map((feature) => ({ feature }));
  const edit: SiteEdit = featureEdit(dictionary, chosen, change.strength);
  return { apply: (graph) => editableAt(graph, dictionary), feeds: editFeeds([edit]) };
}
