/** @file The depth clock of a task outside a study: budgets by rule at every cut, block energies, brackets, energy flow. */
import type { WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { blockEnergies, blockShares } from '../../energy/depth/blocks.ts';
import { cutRules, summariseRules } from '../../energy/depth/cut-rules.ts';
import type {
  BlockEnergies,
  BlockShares,
  Canonicity,
  CutRules,
  EnergyFlow,
  RuleSummary,
} from '../../energy/depth/types.ts';
import { costateInvariant } from '../../energy/energy.ts';
import type { CostateResult } from '../../energy/types.ts';
import { counted } from './runs.ts';
import { type EnergyRequest, openPairs, openSetting, type TaskRequest } from './setting.ts';

/** What was measured on, the same in every result. */
export interface About {
  readonly model: string;
  readonly task: string;
  readonly title: string;
  readonly examples: number;
}

export interface BudgetReport extends About {
  readonly costate: CostateResult;
  readonly cuts: readonly CutRules[];
  readonly rules: readonly RuleSummary[];
  readonly seconds: number;
}

export type DepthRequest = EnergyRequest & TaskRequest;

/** Every cut, or each `every`-th and the cuts of dictionaries. */
export interface CutChoice {
  readonly every: number;
  readonly rules: readonly string[];
}

/** Budget of the cuts by every rule, and the costate invariant over all. */
export async function budgetReport(
  request: DepthRequest,
  { every, rules }: CutChoice,
  context: WorkContext,
): Promise<BudgetReport> {
  const begun = performance.now();
  const { model, network, dictionaries, run } = await openSetting(request, { dictionaries: false }, context);
  const { task, title, pairs } = await openPairs(model, request);
  const costate = await costateInvariant(network, pairs, random(request.seed).fork(`energy/${task}`), run);
  const at = new Map(dictionaries.map((dictionary) => [dictionary.site, dictionary]));
  const sites = network.cuts.filter((site, cut) => cut % every === 0 || at.has(site));
  const cuts = await counted(
    context,
    { task: 'budget', label: `Energy budget: ${title}` },
    run,
    async (run) => {
      const all: CutRules[] = [];
      for (const site of sites) {
        const dictionary = at.get(site);
        all.push(await cutRules(network, site, pairs, rules, run, dictionary ? { dictionary } : {}));
      }
      return all;
    },
  );
  return {
    ...{ model: model.name, task, title, examples: pairs.examples, costate, cuts },
    rules: summariseRules(cuts, network.cuts.length - 1),
    seconds: (performance.now() - begun) / 1000,
  };
}

export interface BlocksReport extends About {
  readonly energies: BlockEnergies;
  /** Of the blocks that leave a dictionary's cut. */
  readonly shares: readonly BlockShares[];
  readonly seconds: number;
}

/** h_l of every block with its drift, and whose energy it is where a dictionary reads what the block leaves. */
export async function blocksReport(
  request: DepthRequest,
  { top }: { readonly top: number },
  context: WorkContext,
): Promise<BlocksReport> {
  const begun = performance.now();
  const { model, network, dictionaries, run } = await openSetting(request, { dictionaries: false }, context);
  const { task, title, pairs } = await openPairs(model, request);
  return counted(context, { task: 'blocks', label: `Block energies: ${title}` }, run, async (run) => {
    const energies = await blockEnergies(network, pairs, run);
    const shares: BlockShares[] = [];
    for (const dictionary of dictionaries) {
      const cut = network.cuts.indexOf(dictionary.site);
      if (cut > 0) shares.push(await blockShares(network, dictionary, pairs, run, { count: top }));
    }
    const seconds = (performance.now() - begun) / 1000;
    return { model: model.name, task, title, examples: pairs.examples, energies, shares, seconds };
  });
}

export interface FlowReport extends About {
  /** Names of the positions. */
  readonly labels: readonly string[];
  readonly flow: EnergyFlow;
  readonly seconds: number;
}

/** Energy on its way from the words to the answer. */
export async function flowReport(
  request: DepthRequest,
  options: { readonly rule: string; readonly perCut: number; readonly paths: number },
  context: WorkContext,
): Promise<FlowReport> {
  const begun = performance.now();
  const { model, network, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const { task, title, pairs, labels } = await openPairs(model, request);
  const { energyFlow } = await import('../../energy/depth/flow.ts');
  const flow = await counted(context, { task: 'flow', label: `Energy flow: ${title}` }, run, (run) =>
    energyFlow(network, dictionaries, pairs, options, run),
  );
  const seconds = (performance.now() - begun) / 1000;
  return { model: model.name, task, title, examples: pairs.examples, labels, flow, seconds };
}

export interface BracketsReport extends About {
  readonly dictionaries: readonly Canonicity[];
  readonly seconds: number;
}

/** How far the features of each dictionary are from independent coordinates: M_ij = {f_i, p_j}. */
export async function bracketsReport(request: DepthRequest, context: WorkContext): Promise<BracketsReport> {
  const begun = performance.now();
  const { model, network, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const { task, title, pairs } = await openPairs(model, request);
  const [{ readPlaces }, { canonicity }] = await Promise.all([
    import('../../circuits/node-effects.ts'),
    import('../../energy/depth/canonicity.ts'),
  ]);
  const { places } = await readPlaces(network, dictionaries, pairs, run);
  const found = places.map(({ dictionary, clean, patch }) => canonicity(dictionary, [clean, patch]));
  const seconds = (performance.now() - begun) / 1000;
  return { model: model.name, task, title, examples: pairs.examples, dictionaries: found, seconds };
}
