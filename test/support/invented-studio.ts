/** @file For tests: the Studio on INVENTED data, with a store that the test can send messages to. */
import { buildWeb } from '../../scripts/build-web.ts';
import { nothingSaved } from '../../src/studio/saved.ts';
import { type Studio, startStudio } from '../../src/studio/server.ts';
import type { StudyMessage } from '../../src/study/messages.ts';
import { nextState, type StudyState, type StudyStore } from '../../src/study/state.ts';
import { inventedFeatures } from './invented-features.ts';
import { inventedSaved } from './invented-saved.ts';
import { inventedStudy } from './invented-study.ts';

export interface InventedStudio {
  readonly studio: Studio;
  readonly store: StudyStore;
}

/** A store that begins at `state` and folds messages as the real one does. */
export function storeAt(state: StudyState): StudyStore {
  let now = state;
  const listeners = new Set<(message: StudyMessage, state: StudyState) => void>();
  return {
    get: () => now,
    send(message) {
      now = nextState(now, message);
      for (const listener of listeners) listener(message, now);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Builds the pages when they are stale and serves them over invented data; a study without results has none of commands either. */
export async function inventedStudio(state: StudyState = inventedStudy()): Promise<InventedStudio> {
  await buildWeb();
  const store = storeAt(state);
  const saved = state.results.model ? inventedSaved : nothingSaved;
  return { store, studio: await startStudio({ store, features: inventedFeatures, saved }) };
}
