/** @file From steps to hashes: a step's hash holds all it depends on, so equal hash means equal result. */
import { contentHash } from '../core/hash.ts';
import type { Step, StepCost } from '../core/step.ts';
import type { StepCache } from './cache.ts';

/** The parts of the journey, in the words of the Studio. */
export type Stage = 'model' | 'text' | 'features' | 'circuit' | 'energy' | 'edit';

/** A step of a study: where it belongs in the journey, and whether an interrupted run can be taken up again. */
export interface StudyStep<Result = unknown> extends Step<Result> {
  readonly stage: Stage;
  /** What it does, in a few words for people. */
  readonly label: string;
  /** True when `run` goes on from files that an interrupted run left in its folder. */
  readonly resumable?: boolean;
  readonly needs: readonly StudyStep[];
}

/** Hash of each step by name. A step's place in the study (order, other steps) is not part of it. */
export function hashSteps(steps: readonly StudyStep[]): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const step of steps) {
    const needs = step.needs.map((need) => {
      const hash = hashes.get(need.name);
      if (hash === undefined) throw new Error(`step ${step.name} stands before ${need.name}, which it needs`);
      return hash;
    });
    hashes.set(
      step.name,
      contentHash({ name: step.name, version: step.version, config: step.config, needs }),
    );
  }
  return hashes;
}

/** A row of `study plan`. */
export interface PlannedStep {
  readonly name: string;
  readonly stage: Stage;
  readonly label: string;
  readonly hash: string;
  readonly cached: boolean;
  /** Measured seconds and bytes of a cached step, estimates for one still to run. */
  readonly cost: StepCost;
}

/** What running `steps` would do now. */
export async function planSteps(steps: readonly StudyStep[], cache: StepCache): Promise<PlannedStep[]> {
  const hashes = hashSteps(steps);
  return Promise.all(
    steps.map(async (step) => {
      const hash = hashes.get(step.name) as string;
      const manifest = await cache.manifest(hash);
      const cost = manifest
        ? { ...step.cost, seconds: manifest.seconds, diskBytes: manifest.bytes }
        : step.cost;
      return {
        name: step.name,
        stage: step.stage,
        label: step.label,
        hash,
        cached: manifest !== undefined,
        cost,
      };
    }),
  );
}

/** The steps up to those named, and what they need: for `untangle train FILE` and the like. */
export function upTo(steps: readonly StudyStep[], wanted: (step: StudyStep) => boolean): StudyStep[] {
  const keep = new Set<StudyStep>();
  const add = (step: StudyStep): void => {
    if (keep.has(step)) return;
    keep.add(step);
    step.needs.forEach(add);
  };
  steps.filter(wanted).forEach(add);
  return steps.filter((step) => keep.has(step));
}
