/** @file The pages of the Studio, in the order of the journey. */
import type { Stage } from '../api/types.ts';

export interface PageEntry {
  readonly path: string;
  readonly name: string;
  readonly stage?: Stage;
  readonly says: string;
}

export const pageList: readonly PageEntry[] = [
  { path: '/', name: 'Overview', says: 'the result in one sentence and three pictures' },
  { path: '/model', name: 'Model', stage: 'model', says: 'what was opened, and what it says next' },
  { path: '/text', name: 'Text', stage: 'text', says: 'what it read, and what was left out' },
  { path: '/features', name: 'Features', stage: 'features', says: 'what the dictionaries have learned' },
  { path: '/circuit', name: 'Circuit', stage: 'circuit', says: 'which parts carry a behaviour' },
  { path: '/energy', name: 'Energy', stage: 'energy', says: 'what carries the effect through the layers' },
  { path: '/edit', name: 'Edit', stage: 'edit', says: 'what changed, and what else moved' },
  { path: '/bias', name: 'Bias', says: 'a bias removed from a classifier by every method, and what it cost' },
  { path: '/mechanics', name: 'Mechanics', says: 'pendulum, phase space, energy: the words, with knobs' },
  {
    path: '/superposition',
    name: 'Superposition',
    says: 'more features than neurons, trained while you look',
  },
  { path: '/glossary', name: 'Glossary', says: 'every word in one line' },
];
