/** @file The shape of a Llama, checked: sizes that fit together and that a machine can hold. */
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import type { ModelShape } from './types.ts';

const size = (most: number) => z.number().int().min(1).max(most);

/** Bounds are far above any published Llama; beyond them a description is taken for damage. */
export const modelShapeSchema = z
  .object({
    family: z.literal('llama'),
    layers: size(1024),
    width: size(2 ** 17),
    heads: size(2 ** 12),
    kvHeads: size(2 ** 12),
    headWidth: size(2 ** 12),
    mlpWidth: size(2 ** 20),
    vocabulary: size(2 ** 22),
    context: size(2 ** 30),
    ropeBase: z.number().positive(),
    ropeFactors: z.array(z.number().positive()).readonly().optional(),
    normEpsilon: z.number().nonnegative(),
    tied: z.boolean(),
  })
  .refine((s) => s.heads % s.kvHeads === 0, { error: 'heads must be a multiple of key/value heads' })
  .refine((s) => s.headWidth % 2 === 0, { error: 'the width of a head must be even' })
  .refine((s) => !s.ropeFactors || s.ropeFactors.length === s.headWidth / 2, {
    error: 'one rotary factor for every pair of a head is needed',
  });

/** A checked shape. @throws ModelError `model.description` naming the field */
export function checkShape(shape: Record<keyof ModelShape, unknown>, where: string): ModelShape {
  const parsed = modelShapeSchema.safeParse(shape);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw badDescription(where, `${issue.path.join('.') || 'sizes'}: ${issue.message}`);
}

/** The description of a model does not make sense, or asks for something we do not have. */
export const badDescription = (where: string, what: string): ModelError =>
  new ModelError('model.description', `${where} describes a model that cannot be built: ${what}`, {
    where,
    hint: 'only the Llama family is read: no biases, SiLU, plain or llama3-scaled rotary embedding',
  });
