/**
 * @file A concept of one's own: every feature hangs on a spring at its mean activation, V = ½ (q − q̄)².
 * `concepts: [./spring-potential.ts]` in a study; Untangle adds T, E = T + V and the drift, beside those of f·∂L/∂f.
 */
import type { Potential } from 'untangle/concept';

const spring: Potential = {
  kind: 'potential',
  name: 'spring',
  meaning: 'half the squared distance of an activation from its mean over the prompt',
  value({ q_T }) {
    const mean = q_T.reduce((sum, q) => sum + q, 0) / q_T.length;
    return q_T.map((q) => (q - mean) ** 2 / 2);
  },
};

export default spring;
