/** @file Effects on disk: everything unthresholded in one safetensors file; thresholds are a matter of looking. */
import { join } from 'node:path';
import { type Tensor, tensor } from '../core/tensor.ts';
import { openSafetensors, writeSafetensors } from '../files/safetensors.ts';
import type { CutEffects } from './effects.ts';

/** Everything that was computed at one dictionary's cut. */
export interface CutRecord {
  /** By the rule of the circuit. */
  readonly effects: CutEffects;
  readonly attributionPatching: CutEffects;
  /** Mean activations of the train examples, [T, F]. */
  readonly clean_TF: Float32Array;
  readonly patch_TF: Float32Array;
}

export interface EffectsFile {
  readonly task: string;
  readonly rule: string;
  /** m(clean) − m(patch) of each train example. */
  readonly deltaM_B: Float64Array;
  readonly cuts: readonly CutRecord[];
}

const fileIn = (folder: string): string => join(folder, 'effects.safetensors');

/** Writes `effects.safetensors` into `folder`. Tensor names: `${site}/effects/features_TF` and so on. */
export async function saveEffects(folder: string, file: EffectsFile): Promise<void> {
  const tensors: Record<string, Tensor> = {
    deltaM_B: tensor('float64', [file.deltaM_B.length], Float64Array.from(file.deltaM_B)),
  };
  for (const { effects, attributionPatching, clean_TF, patch_TF } of file.cuts) {
    const shape = [effects.positions, effects.features];
    const put = (name: string, s: number[], data: Float32Array) => {
      tensors[`${effects.site}/${name}`] = tensor('float32', s, Float32Array.from(data));
    };
    for (const [kind, e] of [
      ['effects', effects],
      ['attribution-patching', attributionPatching],
    ] as const) {
      put(`${kind}/features_TF`, shape, e.features_TF);
      put(`${kind}/errors_T`, [e.positions], e.errors_T);
      for (const name of ['featureSums_B', 'errorSums_B'] as const) {
        tensors[`${e.site}/${kind}/${name}`] = tensor(
          'float64',
          [e[name].length],
          Float64Array.from(e[name]),
        );
      }
    }
    put('clean_TF', shape, clean_TF);
    put('patch_TF', shape, patch_TF);
  }
  const cuts = file.cuts.map(({ effects: { site, cut } }) => ({ site, cut }));
  await writeSafetensors(fileIn(folder), tensors, {
    task: file.task,
    rule: file.rule,
    cuts: JSON.stringify(cuts),
  });
}

/** Reads what `saveEffects` wrote. @throws FileError as `openSafetensors` does. */
export async function loadEffects(folder: string): Promise<EffectsFile> {
  const file = await openSafetensors(fileIn(folder));
  try {
    const cuts = JSON.parse(file.metadata.cuts ?? '[]') as { site: string; cut: number }[];
    const floats = (name: string) => file.read(name).data as Float32Array;
    const doubles = (name: string) => file.read(name).data as Float64Array;
    const read = (site: string, cut: number, kind: string): CutEffects => {
      const [positions, features] = file.info(`${site}/${kind}/features_TF`).shape as [number, number];
      return {
        site,
        cut,
        positions,
        features,
        features_TF: floats(`${site}/${kind}/features_TF`),
        errors_T: floats(`${site}/${kind}/errors_T`),
        featureSums_B: doubles(`${site}/${kind}/featureSums_B`),
        errorSums_B: doubles(`${site}/${kind}/errorSums_B`),
      };
    };
    return {
      task: file.metadata.task ?? '',
      rule: file.metadata.rule ?? '',
      deltaM_B: doubles('deltaM_B'),
      cuts: cuts.map(({ site, cut }) => ({
        effects: read(site, cut, 'effects'),
        attributionPatching: read(site, cut, 'attribution-patching'),
        clean_TF: floats(`${site}/clean_TF`),
        patch_TF: floats(`${site}/patch_TF`),
      })),
    };
  } finally {
    file.close();
  }
}
