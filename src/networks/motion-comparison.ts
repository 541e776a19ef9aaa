/** @file How well learned motions keep the energy: a plain network, a Hamiltonian one and a symplectic one on one task. */
import type { WorkContext } from '../core/progress.ts';
import { hamiltonianNetwork, type MotionNetwork, plainNetwork, symplecticNetwork } from './motion.ts';
import { openMotion, trainMotion } from './motion-model.ts';
import { energyErrors, type MotionTask } from './motion-tasks.ts';
import { type WarmUpCosine, warmUpCosine } from './schedule.ts';

export interface ComparisonOptions {
  readonly seed: number;
  /** Steps of Adam. */
  readonly steps: number;
  /** Samples in a batch; all by default. */
  readonly batch?: number;
  /** Adam's rate: a warm-up and a cosine; 0.001 all the time by default, as published. */
  readonly schedule?: Omit<WarmUpCosine, 'steps'>;
  /** Weight decay (L2) of the plain and the Hamiltonian network; 0 by default. */
  readonly decay?: number;
  /** Width of the hidden layers of the plain and the Hamiltonian network; 200 by default, as published. */
  readonly hidden?: number;
}

/** Mean squared errors of the energy along trajectories from the task's starts, by network. */
export interface MotionComparison {
  readonly seed: number;
  readonly plain: EnergyError;
  readonly hamiltonian: EnergyError;
  readonly symplectic: EnergyError;
  /** Error of the plain network over that of the Hamiltonian one. */
  readonly ratio: number;
  /** The same ratio of medians over trajectories, which no single collision can decide. */
  readonly medianRatio: number;
}

export interface EnergyError {
  /** Mean over all trajectories. */
  readonly mean: number;
  /** Median over the trajectories' own means. */
  readonly median: number;
}

/** Longest part of a step when learned rates are integrated. */
const PART = 0.025;

/** Trains three networks on one task and rolls them out. @throws as train() */
export async function compareMotions(
  task: MotionTask,
  { seed, steps, batch, schedule, decay = 0, hidden = 200 }: ComparisonOptions,
  context: WorkContext & { readonly threads: number },
): Promise<MotionComparison> {
  const { dimension, step, times } = task;
  const error = async (network: MotionNetwork): Promise<EnergyError> => {
    const samples = network.output === 'rates' ? task.rates : task.next;
    const training = {
      ...{ steps, seed, decay: network.output === 'rates' ? decay : 0 },
      ...(schedule ? { learningRate: warmUpCosine({ ...schedule, steps }) } : {}),
      ...(batch === undefined ? {} : { batch }),
    };
    const model = await openMotion(await trainMotion(network, samples, training, context), context);
    try {
      const path = await model.trajectories(task.starts, {
        ...{ step, steps: Math.round(Math.max(...times) / step), parts: Math.ceil(step / PART) },
      });
      const errors = [...energyErrors(task, path)].sort((a, b) => a - b);
      return {
        mean: errors.reduce((a, b) => a + b, 0) / errors.length,
        median: errors[Math.floor(errors.length / 2)]!,
      };
    } finally {
      await model.close();
    }
  };
  const plain = await error(plainNetwork({ dimension, hidden, seed }));
  const hamiltonian = await error(hamiltonianNetwork({ dimension, hidden, seed }));
  const symplectic = await error(symplecticNetwork({ dimension, seed }));
  return {
    ...{ seed, plain, hamiltonian, symplectic },
    ratio: plain.mean / hamiltonian.mean,
    medianRatio: plain.median / hamiltonian.median,
  };
}
