/**
 * @file One training step as each of the worker threads runs it, for every kind that is fused.
 *
 *   A. row blocks from a queue: gather, encode, decode, residual, slopes;         barrier
 *      (BatchTopK: encode; barrier: the k·B largest; keep those, decode;          barrier)
 *   B. entries sorted by feature;                                                 barrier
 *   C. feature chunks from a queue: both gradients, decoder projection, norms;    barrier: clip factor, biases
 *   D. feature chunks from a queue: Adam, decoder rows back to norm 1;            barrier: controllers, next step
 * A and C take dense products for features that are active on many rows (`frequent.ts`).
 * Where the entries of a batch have no room, A to C go over it slice by slice and gradients add up. Sums run in an order
 * that does not depend on which thread did what: a run repeats to the bit.
 */
import { chooseOfBatch } from './choose-batch.ts';
import { adamOf, advanceStep, closeGradients } from './close-step.ts';
import { DECODED } from './frequent.ts';
import { frequentPhase } from './frequent-phase.ts';
import { weighsByNorm } from './fused.ts';
import { CLOCK, CONTROL, NUMBERS } from './layout.ts';
import { rowPhase } from './row-phase.ts';
import { sortEntries } from './sort-phase.ts';
import { type StepWorker, views } from './views.ts';

/** Features in a chunk of the feature-wise queues. */
const CHUNK = 32;

/** A worker's step as a function, with every view of the memory made once. */
export function trainingStep(worker: StepWorker): () => Promise<void> {
  const v = views(worker);
  const { at, plan, shape, kernels, crew, control, numbers, R } = v;
  const { features: F, batch: B, selection } = shape;
  const { D, G, blocks } = at;
  const frequent = frequentPhase(v, worker.products);
  const phase = rowPhase(v, frequent);
  const pull = weighsByNorm(plan) ? at.sums.at(-1)! : 0;
  const unit = plan.decoderNorm === 'unit' ? 1 : 0;
  const { beta1, beta2, epsilon } = adamOf(plan);

  /** Blocks from … to − 1 encoded and decoded; false when their entries had no room. */
  async function rows(from: number, to: number, now: ReturnType<typeof phase.prepare>): Promise<boolean> {
    for (;;) {
      // Frequent features are decoded for several blocks at once.
      const group = frequent.some ? Math.max(1, Math.floor(DECODED / R)) : 1;
      for (let block = next(from, group); block < to; block = next(from, group)) {
        const end = Math.min(to, block + group);
        for (let one = block; one < end; one++) await phase.encode(one, now);
        if (selection !== 'batch' && !overflowed()) await phase.decode(block, end, now);
      }
      if (selection !== 'batch') break;
      crew.meet(() => chooseOfBatch(v, now.k * B));
      v.lap(CLOCK.wait);
      if (control[CONTROL.again] === 0) break;
      v.encoder.floor_F.fill(numbers[NUMBERS.floor]!);
    }
    if (selection === 'batch') {
      for (let block = kept(); block < blocks; block = kept()) {
        phase.keep(block);
        await phase.decode(block, block + 1, now);
      }
    }
    crew.meet();
    v.lap(CLOCK.wait);
    return !overflowed();
  }
  const next = (from: number, group: number) => from + group * crew.ticket(CONTROL.rowQueue);
  const kept = () => crew.ticket(CONTROL.keepQueue);
  const overflowed = () => selection === 'above' && Atomics.load(control, CONTROL.entries) > at.room;

  async function gradients(from: number, to: number, first: boolean, last: boolean): Promise<void> {
    /** Gradients of features low … high − 1 that are not frequent; or where `known` those of frequent ones, summed already. */
    const finish = (low: number, high: number, known: boolean) =>
      kernels.gradients(
        ...[at.XR, at.sorted, at.next, at.total, at.G_enc, at.G_dec, at.g_b_enc, at.squares, at.W_dec],
        ...[low, high, D, v.gradientScale, at.groupEnds, G, unit, pull, at.norms],
        ...[first ? 1 : 0, last ? 1 : 0],
        ...(shape.bands ? [at.banded, at.sums[0]!, v.restAt] : [0, 0, 0]),
        ...[frequent.some ? at.place : 0, known ? 1 : 0],
      );
    await frequent.gradients(from, to, first, (f) => finish(f, f + 1, true));
    for (let f = chunk(CONTROL.gradientQueue); f < F; f = chunk(CONTROL.gradientQueue))
      finish(f, Math.min(F, f + CHUNK), false);
    v.lap(CLOCK.gradients);
  }
  const chunk = (queue: number) => CHUNK * crew.ticket(queue);

  /** Phases A to C in so many slices; false when a slice had no room, and nothing has changed. */
  async function attempt(slices: number, now: ReturnType<typeof phase.prepare>): Promise<boolean> {
    const per = Math.ceil(blocks / slices);
    let entries = 0;
    for (let from = 0; from < blocks; from += per) {
      const to = Math.min(blocks, from + per);
      const [first, last] = [from === 0, to === blocks];
      v.histogram.fill(0);
      v.idleHistogram.fill(0);
      v.myBins.fill(0);
      if (!(await rows(from, to, now))) return false;
      entries += control[CONTROL.entries]!;
      sortEntries(v, from * R, Math.min(B, to * R), now.dead, first);
      v.lap(CLOCK.sort);
      crew.meet();
      v.lap(CLOCK.wait);
      await gradients(from * R, Math.min(B, to * R), first, last);
      crew.meet(() => {
        if (last) closeGradients(v, now);
        control[CONTROL.rowQueue] = 0;
        control[CONTROL.gradientQueue] = 0;
        control[CONTROL.entries] = last ? entries : 0;
      });
      v.lap(CLOCK.wait);
    }
    return true;
  }

  return async () => {
    v.begin();
    const now = phase.prepare();
    v.lap(CLOCK.copy);
    let slices = numbers[NUMBERS.slices]!;
    while (!(await attempt(slices, now))) {
      slices = Math.min(blocks, 2 * slices);
      crew.meet(() => {
        for (const word of [CONTROL.rowQueue, CONTROL.entries, CONTROL.active]) control[word] = 0;
      });
    }
    for (let f = chunk(CONTROL.updateQueue); f < F; f = chunk(CONTROL.updateQueue)) {
      kernels.updateFeatures(
        ...[at.W_enc, at.G_enc, at.M_enc, at.V_enc, at.W_dec, at.G_dec, at.M_dec, at.V_dec, at.norms],
        ...[f, Math.min(F, f + CHUNK), D, numbers[NUMBERS.clip]!, numbers[NUMBERS.step]!],
        ...[numbers[NUMBERS.root]!, beta1, beta2, epsilon, unit],
      );
    }
    v.lap(CLOCK.update);
    crew.meet(() => advanceStep(v));
    v.lap(CLOCK.wait);
  };
}
