/** @file The steps of a study, in the order in which they run: pictures early, what is needed first. */
import type { StudyStep } from './plan.ts';
import type { Resources } from './resources.ts';
import type { Study } from './schema.ts';
import { circuitStep, energyStep } from './steps/circuits.ts';
import { flowStep, sequenceStep } from './steps/clocks.ts';
import { conceptStep } from './steps/concept.ts';
import { evaluateStep, featuresStep, importStep, sweepStep, trainStep } from './steps/dictionaries.ts';
import { editStep } from './steps/edit.ts';
import { harvestStep } from './steps/harvest.ts';
import { modelStep } from './steps/model.ts';
import { textStep } from './steps/text.ts';

/**
 * Steps of `study`, each after those it needs. Making them reads nothing but sizes and times of the files that the
 * study names, so it is quick; `resources` are touched only when a step runs.
 */
export async function studySteps(study: Study, resources: Resources): Promise<StudyStep[]> {
  const maker = { study, resources };
  const model = await modelStep(study.model, resources);
  const text = await textStep(maker, study.text, model);
  const harvest = harvestStep(maker, model, text);
  const steps: StudyStep[] = [model, text, harvest];
  const trained: StudyStep[] = [];
  for (const entry of study.dictionaries) {
    const train =
      entry.from === undefined
        ? trainStep(maker, entry, { model, harvest })
        : await importStep(maker, entry, { model, harvest });
    const needs = { model, text, harvest, train };
    const evaluate = evaluateStep(maker, entry, needs);
    steps.push(train, evaluate);
    if (entry.sweep.length > 0) steps.push(sweepStep(maker, entry, { ...needs, evaluate }));
    steps.push(featuresStep(maker, entry, needs));
    trained.push(train);
  }
  if (study.circuit) {
    const circuits = new Map<string, Awaited<ReturnType<typeof circuitStep>>>();
    for (const task of study.tasks) {
      const circuit = await circuitStep(maker, study.circuit, task, model, trained);
      circuits.set(task.name, circuit);
      steps.push(circuit);
      if (study.energy) steps.push(await energyStep(maker, study.energy, task, model, circuit));
    }
    const edited = study.tasks.find((task) => task.name === study.edit?.task);
    const circuit = edited && circuits.get(edited.name);
    if (study.edit && edited && circuit) {
      steps.push(await editStep(maker, study.edit, edited, text, trained, circuit));
    }
    // What nothing waits for comes last.
    const main = edited ?? study.tasks[0];
    const found = main && circuits.get(main.name);
    if (study.energy?.flow && main && found) {
      const needs = { model, dictionaries: trained, circuit: found };
      steps.push(await flowStep(maker, study.energy, main, needs));
    }
    // Steps stand in the order of the study file: the middle one by depth is found by its site.
    const middle = byDepth(trained)[Math.floor((trained.length - 1) / 2)];
    if (study.energy?.sequence && middle) steps.push(sequenceStep(maker, study.energy, text, middle));
  }
  for (const path of study.concepts) {
    for (const task of study.tasks) steps.push(await conceptStep(maker, path, task, model, trained));
  }
  return steps;
}

/** Block of a step's site; −1 for what lies before the first block. */
const depthOf = ({ name }: StudyStep): number => Number(/blocks\.(\d+)\./.exec(name)?.[1] ?? -1);
const byDepth = (steps: readonly StudyStep[]): StudyStep[] =>
  steps.toSorted((a, b) => depthOf(a) - depthOf(b));
