/** @file What edits of features need to know at each site: activations over the task's train prompts and over plain train text. */
import type { Network } from '../circuits/cuts.ts';
import { encodeStates } from '../circuits/encode-state.ts';
import type { Pairs } from '../circuits/examples.ts';
import { stackStates } from '../circuits/feature-state.ts';
import { tokenStates } from '../circuits/forward.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { EditedSite } from './conditions.ts';
import type { EditedFeature } from './types.ts';

/**
 * Both sides of all pairs and the windows (of one length), read in each dictionary.
 * @param dictionaries those with a feature to edit, by depth
 */
export async function editedSites(
  network: Network,
  dictionaries: readonly Dictionary[],
  features: readonly EditedFeature[],
  { pairs, windows }: { readonly pairs: Pairs; readonly windows: readonly Int32Array[] },
  threads: number,
  run: RunOptions,
): Promise<EditedSite[]> {
  const { clean_BT, patch_BT, positions, examples } = pairs;
  const length = windows[0]!.length;
  const sets = [
    { ids_BT: clean_BT, positions },
    { ids_BT: patch_BT, positions },
    { ids_BT: Int32Array.from(windows.flatMap((w) => [...w])), positions: length },
  ];
  const sites = dictionaries.map((d) => d.site);
  const [clean, patch, plain] = await tokenStates(network, sets, sites, { ...run, advance: undefined });
  const { width } = network;
  const result: EditedSite[] = [];
  for (const dictionary of dictionaries) {
    const { site } = dictionary;
    const prompts = { examples, positions, width };
    const sides = await encodeStates(dictionary, [clean![site]!, patch![site]!], prompts, threads);
    const text = { examples: windows.length, positions: length, width };
    const [words] = await encodeStates(dictionary, [plain![site]!], text, threads);
    result.push({
      dictionary,
      features: features.filter((f) => f.site === site),
      prompts: stackStates(sides[0]!, sides[1]!),
      plain: words!,
    });
  }
  return result;
}
