/** @file What a rule of differentiation is, and the short ways to write one. */
import type { Node } from '../graph/types.ts';
import type { Emitter } from './emit.ts';
import { broadcastTo, reduceTo } from './shaping.ts';

interface RuleContext {
  readonly e: Emitter;
  readonly node: Node;
  /** Whether input `i` takes part: its gradient is wanted (vjp), its tangent is not zero (jvp). */
  wants(i: number): boolean;
}

export interface VjpContext extends RuleContext {
  /** Whether a value depends on the variables. */
  takesPart(name: string): boolean;
  /** The node that makes a value that takes part. */
  maker(name: string): Node | undefined;
  /** Whether a gradient reaches output `i`. */
  hasGrad(i: number): boolean;
  /** Gradient of output `i`, in the output's shape (zeros when none reaches it). */
  grad(i?: number): string;
  /** Gradient of output `i`, perhaps not yet broadcast to the output's shape. For elementwise rules. */
  smallGrad(i?: number): string;
}

export interface JvpContext extends RuleContext {
  /** Tangent of input `i`; zeros of its shape when it does not take part. */
  tangent(i?: number): string;
}

/** Per input (vjp) or output (jvp): a value's name, or undefined for zero. */
export type Derivatives = readonly (string | undefined)[];

/**
 * How an operator is differentiated. `vjp` gives gradients of the inputs from those of the outputs, in the
 * inputs' shapes or broadcastable to them; `jvp` gives tangents of the outputs from those of the inputs. Both emit inference operators
 * that have rules themselves, so that derivatives can be differentiated again.
 */
export type Rule =
  | {
      readonly kind: 'rule';
      vjp(c: VjpContext): Derivatives;
      jvp(c: JvpContext): Derivatives;
      /**
       * Puts a node into the form that the rule differentiates (padding as numbers, indices as an output…);
       * returns the outputs, or undefined when it is in that form.
       */
      normal?(e: Emitter, node: Node): readonly (string | undefined)[] | undefined;
      readonly note?: string;
    }
  /** Gradient zero almost everywhere, or not defined: comparisons, shapes, integers. */
  | { readonly kind: 'stop'; readonly note?: string }
  /** Replaced by simpler operators before it is differentiated; returns the outputs. */
  | {
      readonly kind: 'lower';
      lower(e: Emitter, node: Node): readonly (string | undefined)[];
      readonly note?: string;
    };

/** A rule of its own, not a decomposition. */
export type OwnRule = Extract<Rule, { kind: 'rule' }>;

export const stop: Rule = { kind: 'stop' };

/** Result of the node. */
export const result = (c: RuleContext, i = 0): string => c.node.outputs[i]!;
export const operand = (c: RuleContext, i = 0): string => c.node.inputs[i]!;

/**
 * An operator whose output elements depend on one element of each input (with broadcasting).
 * `scale(c, i, g)` returns g ∘ ∂y/∂xᵢ.
 */
export function elementwise(
  scale: (c: RuleContext, i: number, g: string) => string | undefined,
  note?: string,
): OwnRule {
  return {
    kind: 'rule',
    ...(note === undefined ? {} : { note }),
    vjp(c) {
      const g = c.smallGrad();
      return c.node.inputs.map((x, i) => {
        const scaled = c.wants(i) ? scale(c, i, g) : undefined;
        return scaled && reduceTo(c.e, scaled, x, result(c));
      });
    },
    jvp(c) {
      const parts = c.node.inputs.flatMap((_, i) => {
        const part = c.wants(i) ? scale(c, i, c.tangent(i)) : undefined;
        return part ? [part] : [];
      });
      return [parts.length === 0 ? undefined : broadcastTo(c.e, parts.reduce(c.e.add), result(c))];
    },
  };
}

/** A function of one variable: `slope(c)` multiplies. */
export const unary = (scale: (c: RuleContext, g: string) => string, note?: string): Rule =>
  elementwise((c, i, g) => (i === 0 ? scale(c, g) : undefined), note);

/** An operator linear in its first input: the tangent goes through the same operator. */
export function linear(pullBack: (c: VjpContext) => string, note?: string): OwnRule {
  return {
    kind: 'rule',
    ...(note === undefined ? {} : { note }),
    vjp: (c) => [c.wants(0) ? pullBack(c) : undefined],
    jvp: (c) => again(c, [c.tangent(), ...c.node.inputs.slice(1)]),
  };
}

/** The node once more, on other inputs. */
export const again = (c: RuleContext, inputs: readonly string[]): string[] =>
  c.e.ops(c.node.op, inputs, c.node.outputs.length, c.node.attributes, c.node.domain);
