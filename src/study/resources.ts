/** @file What the steps of one process share: the opened model. */
import type { WorkContext } from '../core/progress.ts';
import type { Model } from '../models/types.ts';
import type { Study } from './schema.ts';

export interface Resources {
  /** The model of the study, opened once per process. */
  model(context: WorkContext): Promise<Model>;
}

/** For planning only: nothing can run. */
export const noResources: Resources = {
  model: () => Promise.reject(new Error('no step runs in this process')),
};

/** The name of a random little model in memory, for trying a study file within seconds. */
const randomModel = 'random-tiny';

/** Resources that open the study's model when it is first asked for. */
export function openResources({ study }: { readonly study: Pick<Study, 'model'> }): Resources {
  let model: Promise<Model> | undefined;
  return {
    model(context) {
      model ??= open(study.model, context);
      // A failed opening is tried again by the next step.
      model.catch(() => {
        model = undefined;
      });
      return model;
    },
  };
}

async function open(name: string, context: WorkContext): Promise<Model> {
  if (name === randomModel) {
    const { tinyLlama } = await import('../models/tiny.ts');
    return tinyLlama(0, { layers: 3, width: 32, mlpWidth: 48 });
  }
  const { openTokenModel } = await import('../models/open.ts');
  return openTokenModel(name, context);
}
