/** @file The shape of a model, checked: sizes that fit together and that a machine can hold. */
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import { families, type ModelShape } from './types.ts';

const size = (most: number) => z.number().int().min(1).max(most);
const index = (most: number) => z.number().int().min(0).max(most);
const factors = z
  .array(z.number().positive())
  .max(2 ** 12)
  .readonly();

/** Bounds are far above any published model; beyond them a description is taken for damage. */
export const modelShapeSchema = z
  .object({
    family: z.enum(families),
    layers: size(1024),
    width: size(2 ** 17),
    heads: size(2 ** 12),
    kvHeads: size(2 ** 12),
    headWidth: size(512),
    mlpWidth: size(2 ** 20),
    vocabulary: size(2 ** 22),
    context: size(2 ** 30),
    ropeBase: z.number().nonnegative(),
    ropeFactors: factors.optional(),
    normEpsilon: z.number().nonnegative(),
    tied: z.boolean(),
    kind: z.enum(['encoder', 'vision']).optional(),
    norm: z.literal('layer').optional(),
    normPlace: z.enum(['after', 'around']).optional(),
    parallel: z.boolean().optional(),
    activation: z.enum(['silu', 'gelu', 'gelu_tanh', 'quick_gelu', 'relu']).optional(),
    gated: z.boolean().optional(),
    biases: z
      .array(z.enum(['qkv', 'out', 'mlp']))
      .readonly()
      .optional(),
    headNorm: z.boolean().optional(),
    attentionScale: z.number().positive().optional(),
    attentionCap: z.number().positive().optional(),
    logitCap: z.number().positive().optional(),
    window: size(2 ** 30).optional(),
    localLayers: z.array(index(1023)).readonly().optional(),
    ropeWidth: size(512).optional(),
    ropeScale: z.number().positive().optional(),
    ropeLong: z.object({ after: size(2 ** 30), factors }).optional(),
    ropeLocalBase: z.number().positive().optional(),
    embedScale: z.number().positive().optional(),
    positionTable: z.object({ rows: size(2 ** 24), first: index(2 ** 16) }).optional(),
    tokenTypes: z.object({ kinds: size(1024), separator: index(2 ** 22).optional() }).optional(),
    padding: index(2 ** 22).optional(),
    head: z.enum(['hidden', 'pooler', 'masked', 'classes']).optional(),
    image: z.object({ size: size(2 ** 14), patch: size(2 ** 12), channels: size(64) }).optional(),
  })
  .refine((s) => s.heads % s.kvHeads === 0, { error: 'heads must be a multiple of key/value heads' })
  .refine((s) => s.ropeBase === 0 || turned(s) % 2 === 0, {
    error: 'the width of a head that is rotated must be even',
  })
  .refine((s) => turned(s) <= s.headWidth, { error: 'more of a head is rotated than there is' })
  .refine((s) => [s.ropeFactors, s.ropeLong?.factors].every((f) => !f || f.length === turned(s) / 2), {
    error: 'one rotary factor for every pair of a head is needed',
  })
  .refine((s) => !s.image || s.image.size % s.image.patch === 0, {
    error: 'patches must divide the image',
  })
  .refine((s) => (s.kind === 'vision') === (s.image !== undefined), {
    error: 'a model of images needs the size of the image',
  });

const turned = (s: { headWidth: number; ropeWidth?: number | undefined }): number =>
  s.ropeWidth ?? s.headWidth;

/** A checked shape, without absent fields. @throws ModelError `model.description` naming the field */
export function checkShape(shape: Partial<Record<keyof ModelShape, unknown>>, where: string): ModelShape {
  const present = Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined));
  const parsed = modelShapeSchema.safeParse(present);
  if (parsed.success) return parsed.data as ModelShape;
  const issue = parsed.error.issues[0]!;
  throw badDescription(where, `${issue.path.join('.') || 'sizes'}: ${issue.message}`);
}

/** The description of a model does not make sense, or asks for something we do not have. */
export const badDescription = (where: string, what: string): ModelError =>
  new ModelError('model.description', `${where} describes a model that cannot be built: ${what}`, {
    where,
    hint: `families that are read: ${families.join(', ')}; docs/models.md lists what each may ask for`,
  });
