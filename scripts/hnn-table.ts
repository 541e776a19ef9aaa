/** @file Writes the table of docs/networks.md from bench/results/hnn.json, so that no number is typed by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { quantile } from '../src/core/statistics.ts';

interface Result {
  readonly task: string;
  readonly published: { readonly plain: number; readonly hamiltonian: number; readonly ratio: number };
  readonly medianRatio: number;
  readonly seeds: readonly {
    readonly comparison: Readonly<
      Record<'plain' | 'hamiltonian' | 'symplectic', { readonly mean: number }>
    > & {
      readonly ratio: number;
    };
  }[];
}

const begin = '<!-- hnn -->';
const end = '<!-- /hnn -->';
const page = 'docs/networks.md';

/** The page with the table of the committed results. */
export function withTable(text: string): string {
  const { results } = JSON.parse(readFileSync('bench/results/hnn.json', 'utf8')) as {
    results: readonly Result[];
  };
  const rows = results
    .filter(({ seeds }) => seeds.length > 0)
    .map(({ task, published, medianRatio, seeds }) => {
      const middle = (of: 'plain' | 'hamiltonian' | 'symplectic') =>
        quantile(
          seeds.map(({ comparison }) => comparison[of].mean),
          0.5,
        ).toExponential(1);
      const ratios = seeds.map(({ comparison }) => Math.round(comparison.ratio).toLocaleString('en-US'));
      const ratio = Math.round(medianRatio).toLocaleString('en-US');
      return `| ${task} | ${middle('plain')} | ${middle('hamiltonian')} | ${middle('symplectic')} | **${ratio}** | ${ratios.join(', ')} | ${published.plain.toExponential(1)}, ${published.hamiltonian.toExponential(1)}, ${published.ratio.toLocaleString('en-US')} |`;
    });
  const table = [
    '| task | plain | Hamiltonian | symplectic | median ratio | ratio of each seed | published: plain, Hamiltonian, ratio |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
  return `${text.slice(0, text.indexOf(begin))}${begin}\n${table}\n${text.slice(text.indexOf(end))}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  writeFileSync(page, withTable(readFileSync(page, 'utf8')));
