/** @file Block energy: h_l = λ_{l+1}·(x_{l+1} − x_l), what a residual block writes along the costate, its drift, and a feature's share. */
import { costatesAt } from '../../circuits/costates.ts';
import { type Network, placeOf, requireWidth } from '../../circuits/cuts.ts';
import { movesOf, placeEffects } from '../../circuits/effects.ts';
import { encodeStates } from '../../circuits/encode-state.ts';
import type { Pairs } from '../../circuits/examples.ts';
import { forwardPairs } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { EnergyError } from '../../core/errors.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { BlockEnergies, BlockEnergy, BlockShare, BlockShares } from './types.ts';

/** Costates and states of the clean prompts at all cuts. */
interface CleanRun {
  readonly states: Readonly<Record<string, Float32Array>>;
  readonly costates: Readonly<Record<string, Float32Array>>;
}

async function cleanRun(
  network: Network,
  pairs: Pairs,
  sites: readonly string[],
  run: RunOptions,
): Promise<CleanRun> {
  const { clean } = await forwardPairs(network, pairs, sites, run);
  return { states: clean.states, costates: await costatesAt(network, sites.slice(1), pairs, run) };
}

/**
 * h_l of every block on the clean prompts, and how far it drifts over depth. In symplectic Euler with step 1 on
 * h(x, λ) = λᵀg(x), which a residual block with its backward pass is (mechanics.md §2), h would be constant to step error
 * if every block were the same map; blocks of a trained network are not, and the drift says how far they are from it. It
 * marks nothing as important.
 */
export async function blockEnergies(network: Network, pairs: Pairs, run: RunOptions): Promise<BlockEnergies> {
  const { states, costates } = await cleanRun(network, pairs, network.cuts, run);
  const blocks = network.cuts.slice(1).map((after, block): BlockEnergy => {
    const [x, y, costate] = [states[network.cuts[block]!]!, states[after]!, costates[after]!];
    let [energy, size] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      const product = costate[i]! * (y[i]! - x[i]!);
      energy += product / pairs.examples;
      size += Math.abs(product) / pairs.examples;
    }
    return { block, energy, size };
  });
  return { blocks, drift: drift(blocks.map((b) => b.energy)), examples: pairs.examples };
}

/** Standard deviation over the mean size; 0 of numbers that are all the same. */
export function drift(values: readonly number[]): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const size = values.reduce((sum, v) => sum + Math.abs(v), 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  return size > 0 ? Math.sqrt(variance) / size : 0;
}

/**
 * Whose energy it is: what a block writes, read in one dictionary before and after it,
 * x_{l+1} − x_l = Σ_i (f_i(x_{l+1}) − f_i(x_l)) d_i + rest, each part along λ_{l+1}. The parts add up to h_l; another
 * dictionary would share it out otherwise.
 * @param dictionary at the cut that the block leaves (`blocks.l.hook_resid_post`) or the one it reads
 * @param options `block` when it is not the one that leaves the dictionary's cut; `count` features are listed (20)
 * @throws CircuitError `circuit.not-a-place`, `circuit.width`; EnergyError `energy.no-block`
 */
export async function blockShares(
  network: Network,
  dictionary: Dictionary,
  pairs: Pairs,
  run: RunOptions,
  { block: asked, count = 20 }: { readonly block?: number; readonly count?: number } = {},
): Promise<BlockShares> {
  const at = network.cuts.indexOf(placeOf(network, dictionary.site).site);
  const block = asked ?? at - 1;
  const [before, after] = [network.cuts[block], network.cuts[block + 1]];
  if (at < 0 || before === undefined || after === undefined || (at !== block && at !== block + 1)) {
    throw new EnergyError(
      'energy.no-block',
      `no block ${asked ?? ''} reads or leaves ${dictionary.site}, where the dictionary sits`,
      { where: dictionary.site, hint: 'take a dictionary of the residual stream at a cut beside the block' },
    );
  }
  const { width, depth } = placeOf(network, after);
  requireWidth(dictionary, width);
  const { states, costates } = await cleanRun(network, pairs, [before, after], run);
  const shape = { examples: pairs.examples, positions: pairs.positions, width };
  const sides = [states[before]!, states[after]!];
  const [from, to] = await encodeStates(dictionary, sides, shape, run.threads ?? 1);
  const effects = placeEffects(
    { site: dictionary.site, depth, ...shape },
    dictionary,
    movesOf(from!, to!),
    costates[after]!,
    new Float64Array(pairs.examples),
  );
  const mean = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, v) => sum + v, 0) / pairs.examples;
  const [features, errors] = [mean(effects.featureSums_B), mean(effects.errorSums_B)];
  const energy_F = new Float64Array(dictionary.features);
  effects.features_TF.forEach((e, i) => {
    energy_F[i % dictionary.features]! += e;
  });
  const top = Array.from(energy_F, (energy, feature): BlockShare => ({ feature, energy }))
    .filter(({ energy }) => energy !== 0)
    .sort((a, b) => Math.abs(b.energy) - Math.abs(a.energy))
    .slice(0, count);
  return { block, site: dictionary.site, energy: features + errors, features, errors, top };
}
