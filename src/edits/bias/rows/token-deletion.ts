/** @file Token deletion: words that tell the protected value are taken out of the text before the network reads it. */
import type { BiasMethodRow } from './types.ts';

export const tokenDeletion: BiasMethodRow = {
  method: 'token-deletion',
  title: 'deleting gendered tokens, retrained',
  sees: 'the confounded rows and a list of words',
  skyline: false,
  dictionary: false,
  strengthUnit: 'none',
  make({ problem: { withoutTokens, width } }) {
    if (!withoutTokens) return { left: 'there are no tokens to delete' };
    return {
      steps: [{ strength: 1, edit: { kind: 'none' } }],
      classifier: 'retrained',
      rows: { width, ...withoutTokens },
      note: 'changes the text, not the network: no KL, no other tasks',
    };
  },
};
