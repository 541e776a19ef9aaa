/** @file A small classifier of records: standardised inputs, one or two hidden layers of ReLU, two logits; trained by AdamW. */
import type { WorkContext } from '../core/progress.ts';
import { type Random, random } from '../core/random.ts';
import { f32, i64 } from '../core/tensor.ts';
import { graphBuilder } from '../graph/build.ts';
import { only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { adamW } from '../mechanics/optimisers/adam.ts';
import { openSession, type Tensors } from '../runtime/session.ts';
import type { CurvePoint } from './checkpoint.ts';
import { warmUpCosine } from './schedule.ts';
import { train } from './train.ts';

/** float32 [records, inputs], standardised. */
const RECORDS = 'records';
/** int64 [records]. */
const CLASS = 'class';
const LOSS = 'loss';

export interface ClassifierShape {
  readonly inputs: number;
  /** Width of each hidden layer. */
  readonly hidden: readonly number[];
}

/** Records as rows, and the class of each. */
export interface Records {
  /** Row-major [N, inputs]. */
  readonly x_NI: Float32Array;
  /** 0 or 1. */
  readonly class_N: ArrayLike<number>;
}

export interface ClassifierTraining {
  readonly steps: number;
  readonly batch: number;
  readonly rate: number;
  readonly weightDecay: number;
  readonly seed: number;
}

/** A trained classifier. */
export interface Classifier {
  /** `records` → `logits` [records, 2]; each hidden layer after its ReLU is the site `hidden.<l>`. */
  readonly graph: Graph;
  readonly shape: ClassifierShape;
  /** The last hidden layer, which everything passes through. */
  readonly cut: string;
  /** What is above the cut: logits = h · W_out + b_out, [H, 2] and [2]. */
  readonly W_out: Float32Array;
  readonly b_out: Float32Array;
  readonly curve: readonly CurvePoint[];
}

/** Site of hidden layer `l`, from 0. */
export const hiddenSite = (l: number): string => `hidden.${l}`;

/** Weights normal with deviation √(2/inputs) (He et al. 2015, arXiv:1502.01852, eq. 10), biases 0. */
function startGraph({ inputs, hidden }: ClassifierShape, chance: Random): Graph {
  const b = graphBuilder();
  let value = b.input(RECORDS, 'float32', ['records', inputs]);
  const widths = [inputs, ...hidden, 2];
  widths.slice(1).forEach((to, l) => {
    const from = widths[l]!;
    const deviation = Math.sqrt(2 / from);
    const weight = f32(
      [from, to],
      Float32Array.from({ length: from * to }, () => deviation * chance.normal()),
    );
    const last = l === hidden.length;
    const product = b.op('MatMul', [value, b.weight(weightName(l, hidden), weight)]);
    const sum = [product, b.weight(biasName(l, hidden), f32([to], new Float32Array(to)))];
    value = last ? b.op('Add', sum, {}, 'logits') : b.site(hiddenSite(l), b.op('Relu', [b.op('Add', sum)]));
  });
  const index = b.op('Unsqueeze', [b.input(CLASS, 'int64', ['records']), b.ints(-1)]);
  const log = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
  const own = b.op('GatherElements', [log, index], { axis: { int: -1 } });
  b.op('Neg', [b.op('ReduceMean', [own], { keepdims: { int: 0 } })], {}, LOSS);
  return b.finish([LOSS, 'logits']);
}

const weightName = (l: number, hidden: readonly number[]) => (l === hidden.length ? 'W_out' : `W_${l}`);
const biasName = (l: number, hidden: readonly number[]) => (l === hidden.length ? 'b_out' : `b_${l}`);

/**
 * Trains a classifier on records; weights, batches and their order follow from the seed.
 * @throws as train()
 */
export async function trainClassifier(
  records: Records,
  hidden: readonly number[],
  options: ClassifierTraining,
  context: WorkContext & { readonly threads: number },
): Promise<Classifier> {
  const count = records.class_N.length;
  const inputs = records.x_NI.length / count;
  const shape = { inputs, hidden };
  const chance = random(options.seed).fork('classifier');
  const graph = startGraph(shape, chance.fork('weights'));
  const layers = Array.from({ length: hidden.length + 1 }, (_, l) => l);
  const parameters = layers.flatMap((l) => [weightName(l, hidden), biasName(l, hidden)]);
  const { steps, rate, weightDecay } = options;
  const size = Math.min(options.batch, count);
  const draws = chance.fork('batches');
  const learned = await train(
    {
      name: 'classifier',
      objective: { graph: only(graph, [LOSS]), loss: LOSS, parameters },
      steps,
      batch(step): Tensors {
        const drawn = draws.fork(`${step}`);
        const order = Array.from({ length: size }, () => drawn.integer(count));
        const x = new Float32Array(size * inputs);
        order.forEach((n, i) => {
          x.set(records.x_NI.subarray(n * inputs, (n + 1) * inputs), i * inputs);
        });
        return {
          [RECORDS]: f32([size, inputs], x),
          [CLASS]: i64(
            [size],
            order.map((n) => records.class_N[n]!),
          ),
        };
      },
      optimiser: adamW({
        learningRate: warmUpCosine({ rate, warmUp: Math.ceil(steps / 20), steps, floor: 0 }),
        weightDecay,
      }),
      clip: 1,
    },
    context,
  );
  const plain = only(graph, ['logits']);
  const weights = new Map([...plain.weights, ...Object.entries(learned.parameters)]);
  return {
    graph: { ...plain, weights },
    shape,
    cut: hiddenSite(hidden.length - 1),
    W_out: learned.parameters.W_out!.data as Float32Array,
    b_out: learned.parameters.b_out!.data as Float32Array,
    curve: learned.curve,
  };
}

/** Values of the cut, [N, H], and logits, [N, 2], of records [N, inputs]. */
export async function runClassifier(
  { graph, cut, shape }: Classifier,
  x_NI: Float32Array,
  threads: number,
): Promise<{ readonly h_NH: Float32Array; readonly logits_N2: Float32Array }> {
  const session = await openSession(only(graph, [cut, 'logits']), { threads });
  try {
    const out = await session.run({ [RECORDS]: f32([x_NI.length / shape.inputs, shape.inputs], x_NI) });
    return { h_NH: out[cut]!.data as Float32Array, logits_N2: out.logits!.data as Float32Array };
  } finally {
    await session.release();
  }
}
