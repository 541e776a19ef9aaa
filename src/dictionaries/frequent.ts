/**
 * @file Products of frequent features. In a ReLU dictionary a few features hold most entries (feature active on a row), and at
 * the start of training nearly all features are active often. An entry takes about an eighth of the time in a dense product of
 * onnxruntime that gathering its rows of weights takes. So a feature that is active on many rows is decoded, and given its
 * gradients, by dense products over all rows.
 */
import { type Tensor, tensor } from '../core/tensor.ts';
import { graphBuilder } from '../graph/build.ts';
import { openSession } from '../runtime/session.ts';

/**
 * When a step takes products of frequent features, judged by the step before. A feature that was active on a share s of the
 * rows spares s gathered entries a row when its products are taken, and these cost as much as `share` entries a row.
 */
export interface FrequentRule {
  /** Features active on more than this share of the rows are frequent: with less, gathering their entries is cheaper. */
  readonly share: number;
  /** Products are taken when Σ (s − share) over frequent features, in entries a row, exceeds what filling the matrices costs. */
  readonly gain: number;
  /** Frequent features at most, which bounds the memory: the most active ones are taken, the others gathered. */
  readonly most: number;
  /** Not in a step that goes over the batch in more slices than this: each would fill and empty the matrices anew. */
  readonly slices: number;
}

/** Measured for widths of 512 and 576 (docs/performance.md, frequent features). */
export const FREQUENT: FrequentRule = { share: 0.12, gain: 40, most: 768, slices: 1 };

/** What gathering an active entry costs; one in JumpReLU's band below the threshold, of which only residuals are summed, costs 1. */
export const ENTRY_COST = 4;

/** Rows that are decoded at once, at most, and rows of the batch that one product of the gradients sums over. */
export const DECODED = 256;
export const SPAN = 1024;

/** Frequent features are padded to a multiple of it, and shared out to workers in multiples of it. */
const UNIT = 16;

/** Operands and products of one step: this worker's own memory, for onnxruntime takes no shared one. */
export interface FrequentStep {
  /** H: frequent features, padded. */
  readonly padded: number;
  /** Activations on some rows, [DECODED, H], and residuals of these rows without frequent features, [DECODED, D]. */
  readonly codes_RH: Float32Array;
  readonly rest_RD: Float32Array;
  /** residuals ← rest + codes·W_dec, projections ← residuals·W_decᵀ. */
  decode(): Promise<void>;
  readonly residuals_RD: Float32Array;
  readonly projections_RH: Float32Array;
  /** Gradients of the features low … high − 1 of the list are this worker's. */
  readonly low: number;
  readonly high: number;
  /** Their values and slopes on a span of rows, [high − low or more, SPAN]. */
  readonly values_HK: Float32Array;
  readonly slopes_HK: Float32Array;
  /** Inputs and residuals of the span, [SPAN, D]. */
  readonly x_KD: Float32Array;
  readonly r_KD: Float32Array;
  /** decoder ← decoder + values·r, encoder ← encoder + slopes·x. */
  gradients(): Promise<void>;
  /** What `gradients` adds to: other arrays after each call. */
  sums(): Sums;
}

/** Gradients of a worker's features, [high − low or more, D]. */
interface Sums {
  readonly decoder_HD: Float32Array<ArrayBuffer>;
  readonly encoder_HD: Float32Array<ArrayBuffer>;
}

/** One worker's products of frequent features. */
export interface FrequentProducts {
  /** Sets a step's frequent features and copies their rows of W_dec [F, D]. */
  begin(features: readonly number[], W_dec: Float32Array): FrequentStep;
  release(): Promise<void>;
}

function decodingGraph(D: number) {
  const b = graphBuilder();
  const W = b.input('W_HD', 'float32', ['H', D]);
  const codes = b.input('codes_RH', 'float32', [DECODED, 'H']);
  const rest = b.input('rest_RD', 'float32', [DECODED, D]);
  const residuals = b.op('Gemm', [codes, W, rest], {}, 'residuals_RD');
  b.op('Gemm', [residuals, W], { transB: { int: 1 } }, 'projections_RH');
  return b.finish(['residuals_RD', 'projections_RH']);
}

function gradientGraph(D: number) {
  const b = graphBuilder();
  const matrix = (name: string, rows: number | string, columns: number) =>
    b.input(name, 'float32', [rows, columns]);
  const [values, slopes] = [matrix('values_HK', 'H', SPAN), matrix('slopes_HK', 'H', SPAN)];
  const [x, r] = [matrix('x_KD', SPAN, D), matrix('r_KD', SPAN, D)];
  b.op('Gemm', [values, r, matrix('decoderSum_HD', 'H', D)], {}, 'decoder_HD');
  b.op('Gemm', [slopes, x, matrix('encoderSum_HD', 'H', D)], {}, 'encoder_HD');
  return b.finish(['decoder_HD', 'encoder_HD']);
}

/** Opens the products for width D (padded) and worker `id` of `threads`. */
export async function openFrequentProducts(
  D: number,
  id: number,
  threads: number,
): Promise<FrequentProducts> {
  const decoding = await openSession(decodingGraph(D), { threads: 1 });
  const gradient = await openSession(gradientGraph(D), { threads: 1 });
  const shareOf = (padded: number) => Math.ceil(padded / UNIT / threads) * UNIT;
  const some = (n: number) => new Float32Array(n);
  const noSums = (mine: number): Sums => ({ decoder_HD: some(mine * D), encoder_HD: some(mine * D) });
  let room = 0;
  let own = matrices(0);

  function matrices(features: number) {
    const mine = shareOf(features);
    return {
      ...{ W_HD: some(features * D), rest_RD: some(DECODED * D), residuals_RD: some(DECODED * D) },
      ...{ codes_RH: some(features * DECODED), projections_RH: some(features * DECODED) },
      ...{ values_HK: some(mine * SPAN), slopes_HK: some(mine * SPAN) },
      // Sums before and after a product: nothing promises that a Gemm may write to its own third input.
      sums: [noSums(mine), noSums(mine)] as const,
      ...{ x_KD: some(SPAN * D), r_KD: some(SPAN * D) },
    };
  }

  /** What the two sessions take and fill, for `padded` features of which `mine` are this worker's; the two runs of `gradients` take turns. */
  function runs(padded: number, mine: number) {
    const of = (data: Float32Array<ArrayBuffer>, rows: number, columns: number): Tensor =>
      tensor('float32', [rows, columns], data.subarray(0, rows * columns));
    const operands = {
      ...{ values_HK: of(own.values_HK, mine, SPAN), slopes_HK: of(own.slopes_HK, mine, SPAN) },
      ...{ x_KD: of(own.x_KD, SPAN, D), r_KD: of(own.r_KD, SPAN, D) },
    };
    const adding = ([before, after]: readonly [Sums, Sums]) =>
      [
        {
          ...operands,
          decoderSum_HD: of(before.decoder_HD, mine, D),
          encoderSum_HD: of(before.encoder_HD, mine, D),
        },
        { decoder_HD: of(after.decoder_HD, mine, D), encoder_HD: of(after.encoder_HD, mine, D) },
      ] as const;
    const [one, other] = own.sums;
    return {
      decode: [
        {
          ...{ W_HD: of(own.W_HD, padded, D), codes_RH: of(own.codes_RH, DECODED, padded) },
          rest_RD: of(own.rest_RD, DECODED, D),
        },
        {
          residuals_RD: of(own.residuals_RD, DECODED, D),
          projections_RH: of(own.projections_RH, DECODED, padded),
        },
      ],
      gradients: [adding([one, other]), adding([other, one])],
    } as const;
  }

  return {
    begin(features, W_dec) {
      const count = features.length;
      const padded = Math.ceil(count / UNIT) * UNIT;
      if (padded > room) {
        room = padded;
        own = matrices(padded);
      }
      own.W_HD.fill(0, count * D, padded * D);
      features.forEach((f, h) => {
        own.W_HD.set(W_dec.subarray(f * D, (f + 1) * D), h * D);
      });
      const low = Math.min(count, id * shareOf(padded));
      const high = Math.min(count, low + shareOf(padded));
      const { decode, gradients } = runs(padded, Math.ceil((high - low) / UNIT) * UNIT);
      const { sums } = own;
      let turn = 0;
      return {
        ...own,
        ...{ padded, low, high },
        async decode() {
          await decoding.run(...decode);
        },
        async gradients() {
          await gradient.run(...gradients[turn]!);
          turn = 1 - turn;
        },
        sums: () => sums[turn]!,
      };
    },
    async release() {
      await decoding.release();
      await gradient.release();
    },
  };
}
