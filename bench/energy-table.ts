/** @file The figures of docs/energy.md (the depth clock), written from the committed result of bench:energy. */
import type {
  BlockEnergies,
  BlockShares,
  Canonicity,
  CutRules,
  EnergyFlow,
  RuleSummary,
} from '../src/energy/depth/types.ts';

const START = '<!-- depth clock: written by bench/energy.ts -->';
const END = '<!-- /depth clock -->';

/** What bench/results/energy.json holds. */
export interface EnergyResults {
  what?: string;
  model?: unknown;
  machine?: unknown;
  summary?: readonly RuleSummary[];
  invariant?: {
    readonly task: string;
    readonly examples: number;
    readonly cuts: number;
    readonly spread: number;
    readonly relativeSpread: number;
    readonly randomSpread: number;
  };
  blocks?: BlockEnergies & { readonly task: string; readonly shares: readonly BlockShares[] };
  flow?: EnergyFlow & { readonly task: string };
  canonicity?: Record<string, Canonicity & { readonly features: number; readonly prompts: number }>;
  budget: Record<string, CutRules>;
}

/** The page with its figures replaced; a page without the marks is returned as it is. */
export function withFigures(page: string, results: EnergyResults): string {
  const [before, rest] = page.split(START);
  const after = rest?.split(END)[1];
  if (after === undefined) return page;
  const parts = [invariant(results), budget(results), flow(results), blocks(results), canonicity(results)];
  return `${before}${START}\n\n${parts.filter((part) => part !== '').join('\n\n')}\n\n${END}${after}`;
}

const percent = (share: number): string =>
  100 * share < 0.01 ? '< .01' : (100 * share).toPrecision(100 * share < 1 ? 2 : 3);
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const fixed = (value: number, digits = 2): string => value.toFixed(digits).replace('-', '−');
const tiny = (value: number): string => value.toExponential(1).replace('e-', 'e−');

function invariant({ invariant: found }: EnergyResults): string {
  if (!found) return '';
  return `**Invariant**, ${found.cuts} cuts, ${found.examples} pairs of \`${found.task}\`: spread ${tiny(found.spread)} for clean − patch, ${tiny(found.randomSpread)} for a random tangent; plain relative spread ${tiny(found.relativeSpread)}.`;
}

function budget({ budget: cuts, summary = [] }: EnergyResults): string {
  const rows = Object.values(cuts).sort((a, b) => a.cut - b.cut);
  const [first] = rows;
  if (!first) return '';
  const rules = first.rules.map((r) => r.rule);
  const body = rows.map(({ cut, deltaM, rules: found }) => {
    const adaptive = found.find((r) => r.rule.startsWith('adaptive'));
    const shares = found.find((r) => r.features !== undefined);
    return [
      String(cut),
      ...found.map((r) => percent(r.leak)),
      adaptive ? `${Math.round(adaptive.points.mean)}, ${adaptive.points.most}` : '',
      shares
        ? `${Math.round((100 * shares.features!) / deltaM)} and ${Math.round((100 * shares.errors!) / deltaM)}`
        : '',
    ];
  });
  const medians = summary.map(
    ({ rule, median, worst, worstDeeper }) =>
      `\`${rule}\` ${percent(median)} (worst ${percent(worst.leak)} at cut ${worst.cut}${worstDeeper ? `, in the deeper half ${percent(worstDeeper.leak)} at cut ${worstDeeper.cut}` : ''})`,
  );
  return [
    `**Budget**, agreement, ${first.examples} pairs: Σ|Σe − Δm| / Σ|Δm| in %, cut by cut; where a dictionary sits, what features and error nodes carry in % of Δm.`,
    table(['cut', ...rules, 'points of the adaptive rule (mean, most)', 'features and errors'], body),
    `Medians over ${rows.length} cuts: ${medians.join('; ')}.`,
  ].join('\n\n');
}

function flow({ flow: found }: EnergyResults): string {
  if (!found) return '';
  const { task, examples, deltaM, leak, imbalance, leakSpread, carrying, flows, rule, cuts } = found;
  const name = (id: string) =>
    id.replace(/^blocks\.(\d+)\.hook_resid_post:/, '$1:').replace(/^0:(\d+):token$/, 'token $1');
  const rows = carrying
    .slice(0, 5)
    .map(({ nodes, value, carried }) => [nodes.map(name).join(' → '), fixed(value), fixed(carried)]);
  const nodes = cuts.reduce((sum, cut) => sum + cut.nodes.length, 0);
  return [
    `**Flow**, \`${task}\`, ${examples} pairs, ${rule}, ${nodes} nodes and ${flows.length} flows: Δm = ${fixed(deltaM)}, leak ${percent(leak)} %; inflow and outflow differ from a node's energy by at most ${tiny(imbalance)} of the largest flow, the leak between cuts by ${tiny(leakSpread)}. The paths that carry most (\`12:f7\` is feature 7 after block 12):`,
    table(['path', 'value', 'carries'], rows),
  ].join('\n\n');
}

function blocks({ blocks: found }: EnergyResults): string {
  if (!found) return '';
  const strongest = [...found.blocks].sort((a, b) => Math.abs(b.energy) - Math.abs(a.energy)).slice(0, 3);
  const cancel =
    found.blocks.reduce((sum, b) => sum + b.size / Math.abs(b.energy || 1), 0) / found.blocks.length;
  return `**Block energy**, \`${found.task}\`, ${found.examples} pairs: drift ${fixed(found.drift)}; largest ${strongest.map((b) => `${fixed(b.energy)} in block ${b.block}`).join(', ')}; Σ|λ_i g_i| is on average ${Math.round(cancel)} times |h|, so much of it cancels.`;
}

function canonicity({ canonicity: found = {} }: EnergyResults): string {
  const sites = Object.entries(found);
  const [first] = sites;
  if (!first) return '';
  const rows = sites.map(([site, { together, anywhere }]) => [
    `\`${site}\``,
    `${fixed(together.active, 0)}, ${fixed(together.rank, 0)}`,
    `${fixed(together.defect.mean)} (${fixed(together.defect.low)} to ${fixed(together.defect.high)})`,
    fixed(together.diagonal),
    fixed(together.offDiagonal, 3),
    `${anywhere.features}, ${anywhere.rankBound}`,
    `${fixed(anywhere.defect)} (${fixed(anywhere.floor)})`,
    fixed(Math.max(...anywhere.largest.map(({ value }) => Math.abs(value)))),
  ]);
  return [
    `**Canonicity**, dictionaries of ${first[1].features} features at ${first[1].prompts} prompts of all tasks.`,
    table(
      [
        'site',
        'active in a row, rank',
        '‖M − I‖/√n (5 to 95 %)',
        'mean M_ii',
        'mean \\|M_ij\\|',
        'active anywhere, rank ≤',
        '‖M − I‖/√n (floor)',
        'largest \\|M_ij\\|',
      ],
      rows,
    ),
  ].join('\n\n');
}
