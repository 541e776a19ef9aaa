/** @file Writes the figures of dictionary training into docs/performance.md and docs/dictionaries.md from the committed results, so that no number is typed by hand. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { mean, quantile } from '../src/core/statistics.ts';

interface Round {
  readonly tokensPerSecond: Readonly<Record<string, number>>;
  readonly l0: Readonly<Record<string, number>>;
  readonly ratio: number;
  readonly variants: Readonly<Record<string, number>>;
  readonly counts: boolean;
}

interface SpeedRow {
  readonly kind: string;
  readonly width: number;
  readonly features: number;
  readonly ratio: number | null;
  readonly ratioWholeRun: number;
  readonly variants: readonly {
    readonly name: string;
    readonly ratio: number;
    readonly tokensPerSecond: number;
    readonly l0: number;
  }[];
  readonly encoderShare: number;
  readonly memory?: { readonly ratio: number };
  readonly rounds: readonly Round[];
}

interface Difference {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

type Score = Readonly<Record<'fve' | 'ceRecovered' | 'l0' | 'dead', number>>;

interface Quality {
  readonly settings: {
    readonly width: number;
    readonly features: number;
    readonly batch: number;
    readonly tokens: number;
    readonly peerRates: readonly number[];
  };
  readonly rows: readonly {
    readonly kind: string;
    /** Of each peer, and of ours at that peer's L0. */
    readonly scores: Readonly<Record<string, readonly Score[]>>;
    readonly oursAtTheirL0: Readonly<Record<string, readonly Score[]>>;
    readonly oursMinusPeer: Readonly<Record<string, Readonly<Record<keyof Score, Difference>>>>;
    readonly choices: Readonly<Record<string, { readonly rate: number }>>;
  }[];
}

/** The rate that each peer took, by kind. */
const ratesChosen = (rows: Quality['rows']): string =>
  rows
    .map(
      ({ kind, choices }) =>
        `${kind} ${Object.values(choices)
          .map(({ rate }) => rate)
          .join(' and ')}`,
    )
    .join(', ');

interface Sweep {
  readonly width?: readonly {
    readonly features: number;
    readonly tokensPerSecond: number;
    readonly nsPerTokenAndFeature: number;
  }[];
  readonly together?: readonly {
    readonly dictionaries: number;
    readonly seconds: readonly number[];
    readonly timesOne: number;
  }[];
  readonly stream?: {
    readonly tokens: number;
    readonly passes: number;
    readonly runs: readonly {
      readonly harvestSeconds: readonly number[];
      readonly trainSeconds: readonly number[];
    }[];
    readonly timesOne: number;
    readonly trainingTimesOne: number;
  };
}

interface Synthetic {
  readonly bar: number;
  readonly runs: readonly (Readonly<Record<'matched' | 'greedy' | 'found' | 'fve' | 'l0', number>> & {
    readonly kind: string;
    readonly preset: string;
  })[];
}

const read = <T>(name: string): T | undefined =>
  existsSync(`bench/results/${name}.json`)
    ? (JSON.parse(readFileSync(`bench/results/${name}.json`, 'utf8')) as T)
    : undefined;

const link = (name: string) => `[\`bench/results/${name}.json\`](../bench/results/${name}.json)`;
const thousands = (value: number) => Math.round(value).toLocaleString('en');
const list = (values: readonly number[], digits = 1) => values.map((v) => v.toFixed(digits)).join(', ');
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const header = (cells: readonly string[]) => [row(cells), row(cells.map(() => '---'))];
const sides = ['untangle', 'saelens', 'dictionary_learning'] as const;

function speed(): string[] {
  const rows = read<{ rows: SpeedRow[] }>('sae')?.rows ?? [];
  const cases = ['topk', 'batchtopk', 'relu', 'jumprelu', 'gated'].flatMap((kind) =>
    [
      [512, 8192],
      [576, 4608],
    ].map(([width, features]) => ({ kind, width, features })),
  );
  const missing = cases.filter((c) => !rows.some((r) => r.kind === c.kind && r.width === c.width));
  return [
    '## Side by side',
    '',
    `\`npm run bench:sae -- --save\` writes ${link('sae')}: kinds beside SAELens and dictionary_learning, interleaved on the same rows`,
    "in the same order, batch 4,096, two threads, each library's own training step. The ratio of a round is ours to the faster peer of that",
    'round. For the dense kinds the rounds count in which at most a twentieth of our features is active; the whole run stands beside it.',
    'Beside ours run variants of it; those of another L0 have it, or as near as λ has come to it, from the third round on, which are the rounds that count for them.',
    'Memory is the peak of a fresh process that loads the stream and trains five steps, ours to that of the smaller peer.',
    '',
    ...header([
      'kind',
      'size',
      'tokens a second: ours, SAELens, dictionary_learning',
      'ratio (each round)',
      'whole run',
      'our L0, first and last round',
      'share of the product in an exact step',
      'memory',
    ]),
    ...rows.flatMap(speedRows),
    '',
    '° more than a twentieth of the features was active: the round does not count.',
    ...(missing.length === 0
      ? []
      : [
          '',
          `Not measured side by side yet: ${missing.map((c) => `${c.kind} ${c.width} → ${c.features}`).join(', ')}.`,
        ]),
    '',
  ];
}

function speedRows(one: SpeedRow): string[] {
  const counted = one.rounds.some((r) => r.counts) ? one.rounds.filter((r) => r.counts) : one.rounds;
  const median = (name: string) =>
    thousands(
      quantile(
        counted.map((r) => r.tokensPerSecond[name] ?? 0),
        0.5,
      ),
    );
  const size = `${one.width} → ${one.features}`;
  const each = one.rounds.map((r) => `${r.ratio.toFixed(1)}${r.counts ? '' : '°'}`).join(', ');
  const l0 = (r: Round | undefined) => r?.l0.untangle?.toFixed(0) ?? '–';
  const variant = ({ name, ratio, tokensPerSecond, l0 }: SpeedRow['variants'][number]) => {
    const rounds = list(one.rounds.map((r) => r.variants[name] ?? Number.NaN));
    return row([
      ...[`the same, ${name}`, size, thousands(tokensPerSecond), `${ratio.toFixed(1)} (${rounds})`],
      ...['', l0.toFixed(0), '', ''],
    ]);
  };
  return [
    row([
      one.kind,
      size,
      sides.map(median).join(' · '),
      `${one.ratio === null ? '–' : `**${one.ratio.toFixed(1)}**`} (${each})`,
      one.ratioWholeRun.toFixed(1),
      `${l0(one.rounds[0])}, ${l0(one.rounds.at(-1))}`,
      one.encoderShare.toFixed(2),
      one.memory?.ratio.toFixed(2) ?? '–',
    ]),
    ...one.variants.map(variant),
  ];
}

function quality(): string[] {
  const result = read<Quality>('quality');
  if (!result) return [];
  const { settings: s, rows } = result;
  const signed = (v: number) => `${v < 0 ? '−' : '+'}${Math.abs(v).toFixed(4)}`;
  const interval = (d: Difference | undefined) =>
    d ? `${signed(d.mean)} (${signed(d.low)} to ${signed(d.high)})` : '';
  return [
    '## Quality at equal tokens',
    '',
    `\`npm run bench:quality -- --save\` writes ${link('quality')}: ${s.width} → ${s.features}, ${thousands(s.tokens)} tokens of`,
    `\`blocks.11.hook_resid_post\` of SmolLM2 in the same order for all, batch ${thousands(s.batch)}, three seeds. The peers take their own defaults, the best`,
    `of the rates ${s.peerRates.join(', ')} (and half as high again while the highest is the best), a decay over the last fifth, and warm-ups as short as the run; ours is the default preset, whose rate`,
    "formula, BatchTopK's warm-up and decay, threshold averaging and start of ReLU and Gated were settled after looking at these very rows: read its lead as in-sample.",
    `The rates that SAELens and dictionary_learning were best at: ${ratesChosen(rows)}. Dictionaries`,
    "are read from the libraries' own files and scored by one evaluator. For the dense kinds a peer's λ is searched for an L0 near 32,",
    "or as near as it comes in so short a run, and ours for that peer's L0 with the same seed, up to 7 % below it and not above. Means over seeds;",
    'differences are ours minus the peer, paired by seed, with 95 % intervals.',
    '',
    ...header([
      'kind',
      'side',
      'L0',
      'FVE',
      'cross-entropy recovered',
      'never active',
      'FVE, ours minus theirs',
      'cross-entropy recovered, ours minus theirs',
    ]),
    ...rows.flatMap(({ kind, scores, oursAtTheirL0, oursMinusPeer }) =>
      Object.entries(scores).flatMap(([peer, theirs]) => {
        const cells = (some: readonly Score[]) => {
          const average = (name: keyof Score) => mean(some.map((score) => score[name]));
          return [
            average('l0').toFixed(1),
            ...(['fve', 'ceRecovered', 'dead'] as const).map((name) => average(name).toFixed(4)),
          ];
        };
        const against = oursMinusPeer[peer];
        return [
          row([kind, peer, ...cells(theirs), '', '']),
          row([
            ...[kind, 'untangle', ...cells(oursAtTheirL0[peer] ?? [])],
            ...[interval(against?.fve), interval(against?.ceRecovered)],
          ]),
        ];
      }),
    ),
    '',
  ];
}

function sweeps(): string[] {
  const result = read<Sweep>('sweep');
  if (!result) return [];
  const { width, together, stream } = result;
  const [one, four] = stream?.runs ?? [];
  return [
    '## Width, and several dictionaries at once',
    '',
    `\`npm run bench:sweep -- --save\` writes ${link('sweep')}; 576 wide, TopK, two threads.`,
    '',
    ...(width
      ? [
          ...header(['features', ...width.map((w) => thousands(w.features))]),
          row(['tokens a second, batch 4,096', ...width.map((w) => thousands(w.tokensPerSecond))]),
          row(['ns a token and feature', ...width.map((w) => w.nsPerTokenAndFeature.toFixed(2))]),
          '',
        ]
      : []),
    ...(together
      ? [
          ...header([
            'dictionaries of 2,304 features on the same rows',
            ...together.map((t) => String(t.dictionaries)),
          ]),
          row(['seconds, each round (122,880 tokens)', ...together.map((t) => list(t.seconds))]),
          row(['times one', ...together.map((t) => t.timesOne.toFixed(2))]),
          '',
        ]
      : []),
    ...(stream && one && four
      ? [
          `From text to dictionaries (${thousands(stream.tokens)} tokens of SmolLM2, ${stream.passes} passes, seconds of each round): one dictionary takes`,
          `${list(one.harvestSeconds)} of harvest and ${list(one.trainSeconds)} of training, four on one harvest ${list(four.harvestSeconds)} and`,
          `${list(four.trainSeconds)}: **${stream.timesOne.toFixed(2)}** times one together, training alone ${stream.trainingTimesOne.toFixed(2)} times.`,
          'The dictionaries of a sweep have k = 32, 16, 64, 48; "one" is the mean of what each takes alone.',
          '',
        ]
      : []),
    'What several dictionaries share is the harvest, and the rows in memory. Each has its own encoder product, and gathers and scales its rows for',
    `itself: a few ms of a step (phases of the rounds in ${link('sae')}), which is all that sharing could save.`,
    '',
  ];
}

const begin = '<!-- figures: npm run performance-figures -->';
const end = '<!-- /figures -->';

/** Known features found again, by preset and kind: the worst seed, and means over seeds. */
function known(): string[] {
  const result = read<Synthetic>('synthetic');
  if (!result) return [];
  const nameOf = (run: Synthetic['runs'][number]) => `\`${run.preset}\` | \`${run.kind}\``;
  const rows = [...new Set(result.runs.map(nameOf))].map((name) => {
    const runs = result.runs.filter((run) => nameOf(run) === name);
    const average = (key: 'greedy' | 'found' | 'fve' | 'l0') => mean(runs.map((run) => run[key]));
    return { name, runs, least: Math.min(...runs.map((run) => run.matched)), average };
  });
  rows.sort((a, b) => b.least - a.least);
  return [
    ...header([
      'preset',
      'kind',
      'seeds',
      'MCC, least of the seeds',
      'greedy',
      'found (cosine > 0.9)',
      'FVE',
      'L0',
    ]),
    ...rows.map(({ name, runs, least, average }) =>
      row([
        ...[name, String(runs.length), least >= result.bar ? `**${least.toFixed(3)}**` : least.toFixed(3)],
        ...[average('greedy').toFixed(3), average('found').toFixed(2), average('fve').toFixed(3)],
        average('l0').toFixed(2),
      ]),
    ),
    '',
  ];
}

/** A page with its figures made anew. */
function withFigures(page: string, figures: readonly string[]): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  return `${page.slice(0, from)}${begin}\n${figures.join('\n')}${page.slice(to)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const pages = {
    'docs/performance.md': [...speed(), ...quality(), ...sweeps()],
    'docs/dictionaries.md': known(),
  };
  for (const [path, figures] of Object.entries(pages))
    writeFileSync(path, withFigures(readFileSync(path, 'utf8'), figures));
}
