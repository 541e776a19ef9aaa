/** @file The ONNX project's backend node tests, read, rewritten by the identity and run: nothing is lost on the way. */
import { toBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeOnnx, encodeOnnx } from '../../src/graph/onnx.ts';
import { ModelProtoSchema } from '../../src/graph/proto/onnx_pb.js';
import { judge, type OnnxCase, onnxCases, runnable } from '../support/onnx-cases.ts';

let onnx: string;
let cases: OnnxCase[];
beforeAll(() => {
  ({ onnx, cases } = onnxCases());
});

describe("the ONNX project's backend node tests", () => {
  test('every one that onnxruntime passes, it passes after our reading and writing', async () => {
    const lost: string[] = [];
    const skipped = new Map<string, number>();
    let passed = 0;
    const skip = (why: string) => void skipped.set(why, (skipped.get(why) ?? 0) + 1);
    for (const one of cases) {
      const run = runnable(one);
      if (!run) {
        const [before, after] = [await opens(one.model), await opens(encodeOnnx(decodeOnnx(one.model)))];
        if (before !== after) lost.push(`${one.name}: opens: ${before} before, ${after} after`);
        skip('sequences or optionals come in or out, which onnxruntime-node cannot pass (opened, not run)');
        continue;
      }
      const model = toBinary(ModelProtoSchema, run.model);
      const before = await judge(model, run, one);
      if (before.startsWith('error')) {
        skip(reasonOf(before));
        continue;
      }
      // Where onnxruntime itself comes out otherwise, it has to come out otherwise in the same way.
      const after = await judge(encodeOnnx(decodeOnnx(model)), run, one);
      if (after !== before) lost.push(`${one.name}: ${after}`);
      else if (before === '') passed++;
      else skip('come out otherwise in onnxruntime, in the same way before and after');
    }
    const why = [...skipped].sort(([, a], [, b]) => b - a).map(([reason, count]) => `  ${count} ${reason}`);
    console.info(
      `onnx ${onnx}: ${cases.length} cases, ${passed} pass in onnxruntime before and after the rewrite, ${lost.length} are lost`,
    );
    console.info(`skipped:\n${why.join('\n')}`);
    expect(lost).toEqual([]);
    expect(passed).toBeGreaterThan(1300);
  });

  test('reading, writing and reading again gives the same graph, for all of them', () => {
    const changed = cases.filter(({ model }) => {
      const { notes: _, declared: __, ...first } = decodeOnnx(model);
      const { notes: _n, declared: _d, ...again } = decodeOnnx(encodeOnnx(decodeOnnx(model)));
      return !sameData(first, again);
    });
    expect(changed.map(({ name }) => name)).toEqual([]);
  });
});

const sameData = (a: unknown, b: unknown): boolean => {
  try {
    expect(a).toEqual(b);
    return true;
  } catch {
    return false;
  }
};

const opens = (model: Uint8Array): Promise<boolean> =>
  ort.InferenceSession.create(model, { logSeverityLevel: 4 }).then(
    (session) => session.release().then(() => true),
    () => false,
  );

/** Why onnxruntime does not run a case, without names and numbers. */
function reasonOf(error: string): string {
  if (/opset|Opset|model\.cc/.test(error)) return 'need an operator set newer than this onnxruntime';
  if (/implementation|not a registered|kernel|Unsupported data type|bound to different types/.test(error)) {
    return 'have an operator or element type without a kernel in onnxruntime';
  }
  return 'are refused by onnxruntime for another reason';
}
