/** @file The whole demo where nothing can be downloaded, from the notice to the edit. */
import { expect, test } from 'vitest';
import { untangle } from '../cli/support.ts';
import { temporaryFolder } from '../support/temporary.ts';

test('`untangle demo` without a network ends with a circuit, its energy and an edit of tiny', async () => {
  const folder = temporaryFolder();
  const { code, out, err } = await untangle(
    ['demo', '--no-open', '--json', '--workspace', `${folder}/workspace`],
    {
      env: {
        UNTANGLE_HOME: `${folder}/home`,
        HF_HOME: `${folder}/home`,
        HF_ENDPOINT: 'http://127.0.0.1:9',
        PIP_CONFIG_FILE: '/dev/null',
        PIP_INDEX_URL: 'http://127.0.0.1:9/',
        PIP_RETRIES: '0',
        npm_config_registry: 'http://127.0.0.1:9/',
      },
    },
  );
  expect(code).toBe(0);
  expect(err).toMatch(/could not be downloaded/);
  const summary = JSON.parse(out);
  expect(summary.model.name).toBe('tiny');
  expect(summary.dictionaries).toHaveLength(3);
  expect(summary.circuits[0].task).toBe('agreement');
  expect(summary.circuits[0].faithfulness).toBeGreaterThan(summary.circuits[0].random);
  expect(summary.energy.costateSpread).toBeLessThan(1e-5);
  expect(summary.edit.length).toBeGreaterThan(0);
});
