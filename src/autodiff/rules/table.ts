/** @file The table of all rules, by operator; operators of another domain are named `domain:Operator`. */
import type { Node } from '../../graph/types.ts';
import { attentionRules } from '../decompose/attention.ts';
import { layerRules } from '../decompose/layers.ts';
import { packedRules } from '../decompose/packed.ts';
import { quantisedRules } from '../decompose/quantised.ts';
import { recurrentRules } from '../decompose/recurrent.ts';
import { rotaryRules } from '../decompose/rotary.ts';
import type { Rule } from '../rule.ts';
import { arithmeticRules } from './arithmetic.ts';
import { controlRules } from './control.ts';
import { convolutionRules } from './convolution.ts';
import { einsumRules } from './einsum.ts';
import { imageRules } from './images.ts';
import { indexingRules } from './indexing.ts';
import { matrixRules } from './matrix.ts';
import { movementRules } from './movement.ts';
import { normalisationRules } from './normalisation.ts';
import { paddingRules } from './padding.ts';
import { poolingRules } from './pooling.ts';
import { reductionRules } from './reduction.ts';
import { softmaxRules } from './softmax.ts';
import { stopRules } from './stop.ts';
import { activationRules, unaryRules } from './unary.ts';

/** Families in the order in which docs/operators.md shows them. */
export const families: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  Arithmetic: arithmeticRules,
  'Functions of one variable': { ...unaryRules, ...activationRules },
  'Matrix products': { ...matrixRules, ...einsumRules },
  'Convolutions and pools': { ...convolutionRules, ...poolingRules },
  'Softmax and normalisation': { ...softmaxRules, ...normalisationRules },
  Reductions: reductionRules,
  'Moving values': { ...movementRules, ...paddingRules, ...imageRules },
  'Indexing and choosing': indexingRules,
  'Fused layers': { ...layerRules, ...attentionRules, ...rotaryRules, ...packedRules, ...quantisedRules },
  'Recurrent layers': recurrentRules,
  'Control flow': controlRules,
  'No gradient': stopRules,
};

const table = new Map(Object.values(families).flatMap((family) => Object.entries(family)));

/** Key of a node's operator in the table. */
export const operatorOf = (node: Node): string =>
  node.domain === '' ? node.op : `${node.domain}:${node.op}`;

/** The rule for a node's operator, or undefined. */
export const ruleOf = (node: Node): Rule | undefined => table.get(operatorOf(node));
