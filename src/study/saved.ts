/** @file Where commands leave results in a workspace for the Studio to show. */
import { join } from 'node:path';

/** Results of `untangle energy …` that are kept, the last of each. */
export const savedKinds = ['importance', 'circuit', 'learning', 'ensemble'] as const;
export type SavedKind = (typeof savedKinds)[number];

export const energyFile = (workspace: string, kind: SavedKind): string =>
  join(workspace, 'energy', `${kind}.json`);

/** Bias studies lie in folders of their names. */
export const biasFolder = (workspace: string): string => join(workspace, 'bias');
export const BIAS_FILE = 'bias.json';
