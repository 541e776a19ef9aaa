/** @file Self-check of energy: the costate invariant and the closing of the budget on a tiny random model. */
import { networkOf } from '../circuits/cuts.ts';
import type { Pairs } from '../circuits/examples.ts';
import { forwardStates } from '../circuits/forward.ts';
import { TOKENS_PER_RUN } from '../circuits/run-options.ts';
import { type Check, checkRow } from '../core/check.ts';
import { type Random, random } from '../core/random.ts';
import { f32, f64, i64 } from '../core/tensor.ts';
import { tinyLlama } from '../models/tiny.ts';
import { openSession } from '../runtime/session.ts';
import { leaksByRule } from './budget.ts';
import { costateProducts, spread } from './costate.ts';

const area = 'energy';

/** Bars of mechanics.md §2. */
const BARS = { float32: 1e-5, float64: 1e-12 } as const;

/** A rule fine enough that only rounding is left on a tiny smooth model. */
const FINE = 'midpoint-200';
const CLOSED = 1e-3;

/** Invariants of the depth clock, on random weights: tests of the implementation, not discoveries. */
export const checks: Check[] = [
  {
    area,
    async rows({ threads }) {
      const run = {
        open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads }),
        tokensPerRun: TOKENS_PER_RUN,
      };
      const rows = [];
      for (const dtype of ['float32', 'float64'] as const) {
        const stream = random(11);
        const network = networkOf(tinyLlama(11, { layers: 4, dtype }));
        const noise = () => {
          const values = Array.from({ length: 2 * 6 * network.width }, () => stream.normal());
          return (dtype === 'float32' ? f32 : f64)([2, 6, network.width], values);
        };
        const products = await costateProducts(
          network,
          { state: noise(), tangent: noise(), answer: i64([2], [1, 2]), wrong: i64([2], [3, 4]) },
          run,
        );
        rows.push(
          checkRow(
            area,
            `costate invariant over all cuts, tiny Llama, ${dtype}`,
            spread(products),
            BARS[dtype],
          ),
        );
      }
      const network = networkOf(tinyLlama(12, { layers: 3 }));
      const pairs = randomPairs(random(12), 4, 5);
      const site = network.cuts[2]!;
      const clean = await forwardStates(network, pairs, 'clean', [site], run);
      const patch = await forwardStates(network, pairs, 'patch', [site], run);
      const deltaM_B = clean.metric_B.map((m, b) => m - patch.metric_B[b]!);
      const leaks = await leaksByRule(
        network,
        site,
        pairs,
        clean.states[site]!,
        patch.states[site]!,
        deltaM_B,
        [FINE],
        run,
      );
      rows.push(checkRow(area, `energy of a cut adds up to Δm, tiny Llama, ${FINE}`, leaks[FINE]!, CLOSED));
      return rows;
    },
  },
];

function randomPairs(stream: Random, examples: number, positions: number): Pairs {
  const ids = (count: number) => Int32Array.from({ length: count }, () => stream.integer(200));
  const answer_B = ids(examples);
  return {
    examples,
    positions,
    clean_BT: ids(examples * positions),
    patch_BT: ids(examples * positions),
    answer_B,
    wrong_B: answer_B.map((id) => id + 1),
  };
}
