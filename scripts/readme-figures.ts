/** @file Writes the figures of README.md from the committed results in bench/results, so that no number is typed by hand. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { StudySummary } from '../src/study/summary.ts';

interface DemoResult {
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly vectors?: string };
  readonly cold: {
    readonly seconds: number;
    readonly firstPictureSeconds: number | null;
    readonly peakRssMiB: number;
    readonly document: Required<StudySummary>;
  };
  readonly warm: { readonly seconds: number };
}

interface SaeResult {
  readonly rows: readonly {
    readonly kind: string;
    readonly width: number;
    readonly features: number;
    readonly k: number;
    readonly batch: number;
    /** Null when no round counts. */
    readonly tokensPerSecond: number | null;
    readonly fasterPeer: string | null;
    readonly peerTokensPerSecond: number | null;
    readonly ratio: number | null;
    readonly memory?: { readonly ratio: number };
  }[];
}

const read = <T>(name: string): T | undefined =>
  existsSync(`bench/results/${name}.json`)
    ? (JSON.parse(readFileSync(`bench/results/${name}.json`, 'utf8')) as T)
    : undefined;

const minutes = (seconds: number) => `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)} %`;
const begin = '<!-- figures: npm run readme-figures -->';
const end = '<!-- /figures -->';

/** The block of figures between the two markers. */
function figures(): string {
  const lines: string[] = [];
  const demo = read<DemoResult>('demo');
  if (demo) {
    const { cold, warm, machine } = demo;
    const { document } = cold;
    lines.push(
      '## What came out',
      '',
      `One run of the demo on ${machine.cores} cores (${machine.cpu}${machine.vectors ? `, ${machine.vectors}` : ''}; ${demo.date}), from \`npm run bench:demo\`:`,
      '',
      `> ${document.sentence}`,
      '',
      '| figure | value |',
      '|---|---|',
      `| first time, downloads not counted | ${minutes(cold.seconds)}, the first picture after ${cold.firstPictureSeconds ?? '?'} s, at most ${(cold.peakRssMiB / 1024).toFixed(1)} GiB of memory |`,
      `| second time | ${warm.seconds.toFixed(1)} s |`,
      `| indirect-object prompts right | ${document.logits.ioiCorrect} of ${document.logits.of} |`,
      ...document.dictionaries.map(
        (d) =>
          `| ${d.features} features at \`${d.site}\` | variance explained ${d.fve.toFixed(3)}, cross-entropy recovered ${d.ceRecovered.toFixed(3)}, ${d.l0.toFixed(0)} active, ${percent(d.dead, 1)} dead |`,
      ),
      ...document.circuits.map(
        (c) =>
          `| circuit of ${c.task}, ${c.nodes} nodes | faithfulness ${c.faithfulness.toFixed(2)} (${c.interval.map((x) => x.toFixed(2)).join(' to ')}) on held-out words; a random circuit ${c.random.toFixed(2)} |`,
      ),
      ...document.edit
        .filter((e) => e.method === 'features')
        .map(
          (e) =>
            `| edit at strength ${e.strength} | bias ${e.biasBefore.toFixed(2)} → ${e.biasAfter.toFixed(2)}; removes ${e.beyondRandom?.toFixed(2)} (${e.beyondRandomInterval?.map((x) => x.toFixed(2)).join(' to ')}) more than random features of equal size, pair by pair; KL on plain text ${e.kl.toFixed(4)} |`,
        ),
      `| costate invariant, spread over all cuts | ${document.energy.costateSpread.toExponential(1)} |`,
      `| leak of the energy budget | ${percent(document.energy.leak, 2)} |`,
      '',
    );
  }
  const sae = read<SaeResult>('sae')?.rows ?? [];
  if (sae.length > 0) {
    const times = (value: number | null | undefined) => (value == null ? '–' : value.toFixed(1));
    const thousands = (value: number | null) => value?.toLocaleString('en') ?? '–';
    lines.push(
      'Training dictionaries beside SAELens and dictionary_learning, interleaved on the same rows (`npm run bench:sae`):',
      '',
      "| kind | size | tokens a second | the faster peer | ratio | peak memory, of the smaller peer's |",
      '|---|---|---|---|---|---|',
      ...sae.map(
        (row) =>
          `| ${row.kind} | ${row.width} → ${row.features} | ${thousands(row.tokensPerSecond)} | ${row.fasterPeer ?? '–'}, ${thousands(row.peerTokensPerSecond)} | ${times(row.ratio)} | ${row.memory ? percent(row.memory.ratio) : '–'} |`,
      ),
      '',
    );
  }
  return lines.join('\n');
}

/** README.md with its figures made anew. */
export function withFigures(readme: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  return `${readme.slice(0, from)}${begin}\n${figures()}${readme.slice(to)}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync('README.md', withFigures(readFileSync('README.md', 'utf8')));
}
