/** @file Landmarks of unknown networks: found from the graph alone, they are what the builder calls them. */
import { describe, expect, test } from 'vitest';
import { f32 } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { landmarks } from '../../src/graph/landmarks.ts';
import { tinyLlama } from '../../src/models/tiny.ts';

describe('landmarks', () => {
  test('of a Llama are its residual stream and what attention and feed-forward add to it', () => {
    const found = landmarks(tinyLlama(1).graph);
    const blocks = [0, 1].map((i) => `blocks.${i}`);
    expect([found.from, found.to]).toEqual(['tokens', 'logits']);
    expect(found.stream).toEqual(blocks.flatMap((b) => [`${b}.hook_resid_mid`, `${b}.hook_resid_post`]));
    expect(found.added).toEqual(blocks.flatMap((b) => [`${b}.hook_attn_out`, `${b}.hook_mlp_out`]));
    for (const b of blocks) expect(found.cuts).toContain(`${b}.hook_resid_pre`);
    expect(found.cuts).not.toContain('blocks.0.attn.hook_z');
  });

  test('of a chain are all its values; a branch that is not joined yet is no cut', () => {
    const b = graphBuilder();
    b.input('x', 'float32', [2]);
    b.op('Relu', ['x'], {}, 'a');
    b.op('Neg', ['a'], {}, 'left');
    b.op('Exp', ['left'], {}, 'deep');
    b.op('Add', ['a', 'deep'], {}, 'sum');
    b.op('Tanh', ['sum'], {}, 'y');
    expect(landmarks(b.finish(['y']))).toEqual({
      cuts: ['a', 'sum', 'y'],
      stream: ['sum'],
      added: ['deep'],
      from: 'x',
      to: 'y',
    });
  });

  test('a bias is no branch, shapes are no way around, other inputs do not matter', () => {
    const b = graphBuilder();
    b.input('x', 'float32', [2, 2]);
    b.input('mask', 'float32', [2, 2]);
    b.weight('b', f32([2], [1, 2]));
    b.op('Add', ['x', 'b'], {}, 'h');
    b.op('Shape', ['x'], {}, 'size');
    b.op('Reshape', ['h', 'size'], {}, 'r');
    b.op('Add', ['r', 'mask'], {}, 'm');
    b.op('Exp', ['m'], {}, 'y');
    const found = landmarks(b.finish(['y']));
    expect(found.cuts).toEqual(['h', 'r', 'm', 'y']);
    expect(found.stream).toEqual([]);
  });

  test('a network whose output hangs on no input has none', () => {
    const b = graphBuilder();
    b.weight('w', f32([1], [1]));
    b.op('Neg', ['w'], {}, 'y');
    expect(landmarks(b.finish(['y']))).toEqual({ cuts: [], stream: [], added: [] });
  });
});
