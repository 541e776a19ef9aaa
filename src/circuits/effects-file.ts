/** @file Effects on disk: all nodes and edges, unthresholded, in one safetensors file; thresholds are a matter of looking. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Tensor, tensor } from '../core/tensor.ts';
import { openSafetensors, writeSafetensors } from '../files/safetensors.ts';
import type { EdgeEffects } from './edge-types.ts';
import type { PlaceEffects } from './effects.ts';

/** Everything that was computed at one dictionary's place. */
export interface PlaceRecord {
  /** By the method of the circuit. */
  readonly effects: PlaceEffects;
  readonly attributionPatching: PlaceEffects;
  /** Mean activations of the train examples, [T, F]. */
  readonly clean_TF: Float32Array;
  readonly patch_TF: Float32Array;
}

export interface EffectsFile {
  readonly task: string;
  /** How the effects were taken, e.g. `midpoint-10`. */
  readonly rule: string;
  /** m(clean) − m(patch) of each train example. */
  readonly deltaM_B: Float64Array;
  /** By depth. */
  readonly places: readonly PlaceRecord[];
  /** Empty where only nodes were asked for. */
  readonly edges: readonly EdgeEffects[];
}

const fileIn = (folder: string): string => join(folder, 'effects.safetensors');
const KINDS = ['effects', 'attribution-patching'] as const;
const edgesIn = (from: string, to: string): string => `edges/${from}/${to}`;

/**
 * Writes `effects.safetensors` into `folder`. Tensor names: `${site}/effects/features_TF` and so on; nodes of single
 * examples behind each other, `nodes` and `values` with `counts_B` entries for each example; edges as lists
 * `edges/${from}/${to}/source`, `target` and `weight`.
 */
export async function saveEffects(folder: string, file: EffectsFile): Promise<void> {
  const tensors: Record<string, Tensor> = {};
  const floats = (name: string, shape: number[], data: ArrayLike<number>) => {
    tensors[name] = tensor('float32', shape, Float32Array.from(data));
  };
  const doubles = (name: string, data: ArrayLike<number>) => {
    tensors[name] = tensor('float64', [data.length], Float64Array.from(data));
  };
  const integers = (name: string, data: ArrayLike<number>) => {
    tensors[name] = tensor('int32', [data.length], Int32Array.from(data));
  };
  doubles('deltaM_B', file.deltaM_B);
  for (const { effects, attributionPatching, clean_TF, patch_TF } of file.places) {
    const { site, positions, features } = effects;
    for (const [kind, e] of [
      ['effects', effects],
      ['attribution-patching', attributionPatching],
    ] as const) {
      const at = `${site}/${kind}`;
      floats(`${at}/features_TF`, [positions, features], e.features_TF);
      floats(`${at}/errors_T`, [positions], e.errors_T);
      for (const name of ['featureSums_B', 'errorSums_B', 'change_B'] as const) {
        doubles(`${at}/${name}`, e[name]);
      }
      integers(
        `${at}/counts_B`,
        e.nodes_B.map((n) => n.nodes.length),
      );
      integers(
        `${at}/nodes`,
        e.nodes_B.flatMap((n) => [...n.nodes]),
      );
      const values = e.nodes_B.flatMap((n) => [...n.values]);
      floats(`${at}/values`, [values.length], values);
    }
    floats(`${site}/clean_TF`, [positions, features], clean_TF);
    floats(`${site}/patch_TF`, [positions, features], patch_TF);
  }
  for (const { from, to, source, target, weight } of file.edges) {
    integers(`${edgesIn(from, to)}/source`, source);
    integers(`${edgesIn(from, to)}/target`, target);
    floats(`${edgesIn(from, to)}/weight`, [weight.length], weight);
  }
  await writeSafetensors(fileIn(folder), tensors, {
    task: file.task,
    rule: file.rule,
    places: JSON.stringify(file.places.map(({ effects: { site, depth } }) => ({ site, depth }))),
    edges: JSON.stringify(file.edges.map(({ source: _s, target: _t, weight: _w, ...head }) => head)),
  });
}

/** The effects of a circuit's folder, or beside a file in it; nothing where none were kept. */
export async function effectsBeside(path: string): Promise<EffectsFile | undefined> {
  for (const folder of [path, dirname(path)]) if (existsSync(fileIn(folder))) return loadEffects(folder);
  return undefined;
}

/** Reads what `saveEffects` wrote. @throws FileError as `openSafetensors` does. */
export async function loadEffects(folder: string): Promise<EffectsFile> {
  const file = await openSafetensors(fileIn(folder));
  try {
    const list = <T>(name: string) => JSON.parse(file.metadata[name] ?? '[]') as T[];
    const floats = (name: string) => file.read(name).data as Float32Array;
    const doubles = (name: string) => file.read(name).data as Float64Array;
    const integers = (name: string) => file.read(name).data as Int32Array;
    const read = (site: string, depth: number, kind: (typeof KINDS)[number]): PlaceEffects => {
      const at = `${site}/${kind}`;
      const [positions, features] = file.info(`${at}/features_TF`).shape as [number, number];
      const nodes = integers(`${at}/nodes`);
      const values = floats(`${at}/values`);
      let from = 0;
      return {
        ...{ site, depth, positions, features },
        features_TF: floats(`${at}/features_TF`),
        errors_T: floats(`${at}/errors_T`),
        featureSums_B: doubles(`${at}/featureSums_B`),
        errorSums_B: doubles(`${at}/errorSums_B`),
        change_B: doubles(`${at}/change_B`),
        nodes_B: Array.from(integers(`${at}/counts_B`), (count) => {
          const part = { nodes: nodes.slice(from, from + count), values: values.slice(from, from + count) };
          from += count;
          return part;
        }),
      };
    };
    return {
      task: file.metadata.task ?? '',
      rule: file.metadata.rule ?? '',
      deltaM_B: doubles('deltaM_B'),
      places: list<{ site: string; depth: number }>('places').map(({ site, depth }) => ({
        effects: read(site, depth, 'effects'),
        attributionPatching: read(site, depth, 'attribution-patching'),
        clean_TF: floats(`${site}/clean_TF`),
        patch_TF: floats(`${site}/patch_TF`),
      })),
      edges: list<Omit<EdgeEffects, 'source' | 'target' | 'weight'>>('edges').map((head) => ({
        ...head,
        source: integers(`${edgesIn(head.from, head.to)}/source`),
        target: integers(`${edgesIn(head.from, head.to)}/target`),
        weight: floats(`${edgesIn(head.from, head.to)}/weight`),
      })),
    };
  } finally {
    file.close();
  }
}
