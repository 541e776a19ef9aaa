/** @file A provider that is not there is an error with its name, never a silent run on the processor. */

import { listSupportedBackends } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { f32 } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { providers } from '../../src/runtime/options.ts';
import { openSession, runOnce } from '../../src/runtime/session.ts';

function graph() {
  const b = graphBuilder();
  b.op('Relu', [b.input('x', 'float32', [2])], {}, 'y');
  return b.finish(['y']);
}

test('cpu is there', async () => {
  const { y } = await runOnce(graph(), { x: f32([2], [-1, 3]) }, { threads: 1, provider: 'cpu' });
  expect([...(y!.data as Float32Array)]).toEqual([0, 3]);
});

test('a provider of another system is refused by name', async () => {
  const known = listSupportedBackends().map(({ name }) => name);
  const missing = providers.find((name) => !known.includes(name))!;
  await expect(openSession(graph(), { threads: 1, provider: missing })).rejects.toMatchObject({
    code: 'runtime.provider',
    where: missing,
    message: expect.stringContaining(known[0]!),
  });
});
