/** @file The demo where nothing can be downloaded: what it takes instead, and that it gets going. */
import { describe, expect, test } from 'vitest';
import { ModelError, UntangleError } from '../../src/core/errors.ts';
import { demoInstead, demoStudy } from '../../src/study/demo.ts';
import { untangle } from '../cli/support.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Every way to the network leads to a port that refuses. */
const offline = (home: string) => ({
  UNTANGLE_HOME: home,
  HF_HOME: home,
  HF_ENDPOINT: 'http://127.0.0.1:9',
  PIP_CONFIG_FILE: '/dev/null',
  PIP_INDEX_URL: 'http://127.0.0.1:9/',
  PIP_RETRIES: '0',
  npm_config_registry: 'http://127.0.0.1:9/',
  npm_config_fetch_retries: '0',
});

describe('demoInstead', () => {
  test('a model that cannot be had makes way for tiny, on text of this package', async () => {
    const demo = { ...(await demoStudy()), seed: 7 };
    const instead = await demoInstead(demo, new ModelError('model.unavailable', 'no way'));
    expect(instead!.study).toMatchObject({ model: 'tiny', seed: 7, text: { source: 'tiny-held-out' } });
    expect(instead!.notice).toMatch(/smollm2-135m could not be downloaded.*tiny/s);
  });
  test('a text that cannot be had makes way for text of this package, and the model stays', async () => {
    const demo = await demoStudy();
    for (const code of ['file.package', 'file.no-pip', 'file.download']) {
      const instead = await demoInstead(demo, new UntangleError(code, 'no way'));
      expect(instead!.study).toEqual({ ...demo, text: { ...demo.text, source: 'tiny-held-out' } });
      expect(await demoInstead(instead!.study, new UntangleError(code, 'again'))).toBeUndefined();
    }
  });
  test('other failures are left as they are', async () => {
    const demo = await demoStudy();
    for (const code of ['disk.full', 'interrupted', 'study.engine-died'])
      expect(await demoInstead(demo, new UntangleError(code, ''))).toBeUndefined();
  });
});

test('`untangle demo` without a network says what it does and opens tiny', async () => {
  const folder = temporaryFolder();
  let stopped = false;
  const { code, err } = await untangle(
    ['demo', '--no-open', '--json', '--workspace', `${folder}/workspace`],
    {
      env: offline(`${folder}/home`),
      watch(said, child) {
        if (stopped || !/✓ text/.test(said)) return;
        stopped = true;
        child.kill('SIGINT');
      },
    },
  );
  expect(err).toMatch(/smollm2-135m could not be downloaded\. The journey goes on with tiny/);
  expect(err).toMatch(/✓ model {2}tiny, 1 M parameters/);
  expect(code).toBe(130);
});
