/** @file Self-check of networks: learned motions that are exact by construction, and the small model of this package. */
import { jvp } from '../autodiff/jvp.ts';
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import type { WorkContext } from '../core/progress.ts';
import { random } from '../core/random.ts';
import { f64 } from '../core/tensor.ts';
import { loadDocuments, textSource } from '../data/text.ts';
import { openTokenModel } from '../models/open.ts';
import { runOnce } from '../runtime/session.ts';
import { modelBits } from './bits.ts';
import { STATE, symplecticNetwork } from './motion.ts';
import { compareMotions } from './motion-comparison.ts';
import { springSetting, springTask } from './motion-tasks.ts';
import { tinyRecipe } from './recipe.ts';
import { tokenStream } from './token-stream.ts';

const area = 'networks';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

type Context = WorkContext & { readonly threads: number };

/** Bits per byte of a trigram model on the held-out text of models/tiny (models/tiny/training.json). */
const TRIGRAM_BITS = 1.405;

export const checks: Check[] = [
  { area, rows: async (context) => [await symplecticRow(context), await springRow(context)] },
  { area, rows: async (context) => [await tinyRow(context)] },
];

/** ‖DΦᵀΩDΦ − Ω‖ of a symplectic network with two degrees of freedom and random weights. */
async function symplecticRow({ threads }: Context): Promise<CheckRow> {
  const chance = random(1);
  const { graph } = symplecticNetwork({ dimension: 2, hidden: 20, seed: 1, dtype: 'float64' });
  const weights = new Map(graph.weights);
  for (const [name, weight] of weights)
    if (name.startsWith('a_'))
      weights.set(
        name,
        f64(
          weight.shape,
          Array.from({ length: 20 }, () => 0.3 * chance.normal()),
        ),
      );
  const state = [0.3, -0.2, 0.5, 0.1];
  const rows = Array.from({ length: 4 }, () => state).flat();
  const units = rows.map((_, i) => Number(i % 5 === 0));
  const graphOfTangents = jvp({ ...graph, weights }, { of: ['next'], wrt: [STATE] });
  const feeds = { [STATE]: f64([4, 4], rows), [`tangent:${STATE}`]: f64([4, 4], units) };
  const out = await runOnce(graphOfTangents, feeds, { threads });
  const D = out['tangent:next']!.data as Float64Array;
  let worst = 0;
  for (let a = 0; a < 4; a++)
    for (let b = 0; b < 4; b++) {
      const column = (j: number, i: number) => D[j * 4 + i]!;
      const product = [0, 1].reduce(
        (sum, i) => sum + column(a, i) * column(b, i + 2) - column(a, i + 2) * column(b, i),
        0,
      );
      const omega = Number(b === a + 2) - Number(a === b + 2);
      worst = Math.max(worst, Math.abs(product - omega));
    }
  return row('symplectic network, random weights: ‖DΦᵀΩDΦ − Ω‖', worst, 1e-13);
}

/** A short training; the full comparison over five seeds is `npm run bench:hnn`. */
async function springRow(context: Context): Promise<CheckRow> {
  const { ratio } = await compareMotions(
    springTask({ ...springSetting, seed: 0 }),
    { seed: 0, steps: 200, hidden: 48 },
    context,
  );
  return row('spring, 200 steps: energy error of a Hamiltonian network over a plain one', 1 / ratio, 1);
}

/** The first 8 batches of the held-out text. */
async function tinyRow(context: Context): Promise<CheckRow> {
  const model = await openTokenModel('tiny', context);
  const { documents } = await loadDocuments(textSource('tiny-held-out'), context);
  const stream = tokenStream(documents, model.tokenizer).subarray(0, 64 * tinyRecipe.length);
  const { bitsPerByte } = await modelBits(model, stream, {
    ...{ length: tinyRecipe.length, batch: 8, start: 0, threads: context.threads },
  });
  return row('tiny: bits per byte of held-out text, below a trigram model', bitsPerByte, TRIGRAM_BITS);
}
