/** @file Edits from files, evaluated: what else moved, and with several concepts the effect matrix. */
import { networkOf } from '../../circuits/cuts.ts';
import { pairsOf } from '../../circuits/examples.ts';
import { EditError, UsageError } from '../../core/errors.ts';
import type { WorkContext } from '../../core/progress.ts';
import type { LeftTask } from '../../data/tasks.ts';
import { loadDictionary } from '../../dictionaries/files.ts';
import { effectMatrix } from '../../edits/collateral/effects.ts';
import { measureCollateral } from '../../edits/collateral/measure.ts';
import type { CollateralResult } from '../../edits/collateral/types.ts';
import { type ConceptKind, fitConcept } from '../../edits/concepts.ts';
import { readEdit } from '../../edits/edit-file.ts';
import type { Edit } from '../../edits/kinds/registry.ts';
import { siteOf } from '../../edits/kinds/types.ts';
import { type EditRequest, openEditSetting, openTasksBeside, plainWindows } from './setting.ts';

export interface EvaluateRequest extends EditRequest {
  /** Edit files; the first is the one whose collateral is measured. */
  readonly edits: readonly string[];
  /** Behaviours that are scored; when left out, `USUAL_TASKS` as far as the tokenizer can say them. */
  readonly tasks?: readonly string[];
  /** The behaviour that each edit is meant to change, in the order of the edits. */
  readonly on: readonly string[];
  /** Fits an edit of this kind to every task that has none of its own, at the site of the first edit. */
  readonly matrix?: ConceptKind;
  /** Whose features `matrix: 'features'` takes. */
  readonly dictionary?: string;
  readonly aim: number;
  readonly examples: number;
  readonly draws: number;
  readonly factor: number;
  readonly text: string;
  readonly windows: number;
  readonly length: number;
}

/** Scored unless tasks are named. */
export const USUAL_TASKS = ['agreement', 'gender', 'pronoun', 'indirect-object', 'greater-than'] as const;

export interface CollateralReport extends CollateralResult {
  /** Usual tasks that this tokenizer cannot say. */
  readonly left: readonly LeftTask[];
}

/**
 * Collateral of the first edit; with `matrix`, or with several edits and their `on`, the K×K effects as well.
 * @throws UsageError `usage.options`; EditError as readEdit(), applyEdit(), effectMatrix()
 */
export async function evaluateEdits(
  request: EvaluateRequest,
  context: WorkContext,
): Promise<CollateralReport> {
  const { edits: paths, on, draws, factor, seed } = request;
  if (paths.length > 1 && on.length !== paths.length) {
    throw new UsageError('usage.options', `${paths.length} edits and ${on.length} tasks that they are on`, {
      hint: 'with several edits give --on one task for each, in their order',
    });
  }
  if (request.matrix !== undefined && on.length === 0) {
    throw new UsageError('usage.options', '--matrix needs to know what the edit is meant to change', {
      hint: 'give --on TASK',
    });
  }
  const { model, run } = await openEditSetting(request, context);
  const edits: Edit[] = [];
  for (const path of paths) edits.push(await readEdit(path, model));
  const { tasks, left } = await openTasksBeside(model, on, request.tasks, USUAL_TASKS, request);
  // Task files have names of their own.
  const names = [...new Set(on)];
  const meant = on.map((name) => tasks[names.indexOf(name)]!.name);
  const windows = await plainWindows(model, request, context);
  const common = { seed, run, draws };
  const input = { ...common, model, edit: edits[0]!, tasks, targets: meant.slice(0, 1), windows, factor };
  const result = { ...(await measureCollateral(input, context)), left };
  if (request.matrix === undefined && edits.length < 2) return result;
  const network = networkOf(model);
  const site = siteOf(edits[0]!.changes[0]!);
  const dictionary =
    request.dictionary === undefined ? {} : { dictionary: await loadDictionary(request.dictionary) };
  const concepts = [];
  for (const task of tasks) {
    const own = edits[meant.indexOf(task.name)];
    if (own) concepts.push({ task, edit: own });
    else if (request.matrix !== undefined) {
      const pairs = pairsOf(task.name, task.train);
      const fitted = fitConcept(network, request.matrix, site, pairs, run, { seed, ...dictionary });
      const change = await fitted.catch((error: unknown) => {
        // A task whose answers this kind cannot tell apart is no concept of the matrix.
        if (error instanceof EditError && error.code === 'edit.shape') return undefined;
        throw error;
      });
      if (change) concepts.push({ task, edit: { changes: [change] } });
    }
  }
  return { ...result, matrix: await effectMatrix(model, network, concepts, { ...common, aim: request.aim }) };
}
