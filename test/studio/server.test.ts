/** @file The Studio's server answers as its API promises, to this machine only, and closes cleanly. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { savedIn } from '../../src/studio/saved.ts';
import { startStudio } from '../../src/studio/server.ts';
import type { ErrorReport, FeatureDetail, FeatureList, StudyState } from '../../src/studio/shapes.ts';
import { type InventedStudio, inventedStudio, storeAt } from '../support/invented-studio.ts';
import { inventedSites, inventedStudy, inventedStudyMidway } from '../support/invented-study.ts';
import { temporaryFolder } from '../support/temporary.ts';

let invented: InventedStudio;
let url: string;
beforeAll(async () => {
  invented = await inventedStudio();
  url = invented.studio.url;
});
afterAll(() => invented.studio.close());

const json = async <T>(path: string): Promise<{ status: number; body: T }> => {
  const response = await fetch(url + path);
  return { status: response.status, body: (await response.json()) as T };
};
const site = inventedSites[1]!;

describe('the API', () => {
  test('gives the state of the study as it is', async () => {
    const { status, body } = await json<StudyState>('/api/study');
    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(inventedStudy())));
  });

  test('pages through features in the order asked for', async () => {
    const first = await json<FeatureList>(`/api/features?site=${site}&sort=max&limit=10`);
    const second = await json<FeatureList>(`/api/features?site=${site}&sort=max&limit=10&offset=10`);
    expect(first.body.total).toBe(2304);
    const strengths = [...first.body.rows, ...second.body.rows].map((row) => row.maxActivation);
    expect(strengths).toEqual([...strengths].sort((a, b) => b - a));
    expect(new Set([...first.body.rows, ...second.body.rows].map((row) => row.id)).size).toBe(20);
  });

  test('gives one feature in full', async () => {
    const { body } = await json<FeatureDetail>(`/api/features/${encodeURIComponent(site)}/12`);
    expect(body.id).toBe(12);
    expect(body.passages.every((one) => one.tokens.length === one.activations.length)).toBe(true);
  });

  test('gives what commands left in the workspace, and null where they left nothing', async () => {
    expect((await json<{ names: string[] }>('/api/bias')).body.names).toEqual(['biographies']);
    expect((await json<{ name: string }>('/api/bias/biographies')).body.name).toBe('biographies');
    const { body } = await json<{ result: { arms: unknown[] } }>('/api/energy/circuit');
    expect(body.result.arms).toHaveLength(4);
    const folder = temporaryFolder();
    const saved = savedIn(folder);
    expect([await saved.biasNames(), await saved.energy('learning'), await saved.bias('x')]).toEqual([
      ...[[], undefined, undefined],
    ]);
    mkdirSync(join(folder, 'bias', 'mine'), { recursive: true });
    writeFileSync(join(folder, 'bias', 'mine', 'bias.json'), '{"name":"mine"}');
    writeFileSync(join(folder, 'secret.json'), '{}');
    expect(await saved.bias('mine')).toEqual({ name: 'mine' });
    expect(await saved.bias('../secret')).toBeUndefined();
  });

  test.each([
    ['/api/bias/poetry', 404, 'studio.unknown-bias'],
    ['/api/energy/poetry', 400, 'studio.bad-request'],
    ['/api/features', 400, 'studio.bad-request'],
    [`/api/features?site=${site}&limit=0`, 400, 'studio.bad-request'],
    [`/api/features?site=${site}&sort=beauty`, 400, 'studio.bad-request'],
    ['/api/features?site=blocks.99.hook_resid_post', 404, 'studio.unknown-site'],
    [`/api/features/${site}/99999`, 404, 'studio.unknown-feature'],
    [`/api/features/${site}/minus`, 400, 'studio.bad-request'],
    ['/api/circuits/poetry', 404, 'studio.unknown-circuit'],
    ['/api/nothing', 404, 'studio.unknown-address'],
    ['/assets/../../package.json', 404, 'studio.unknown-address'],
    ['/assets/%2e%2e/%2e%2e/package.json', 404, 'studio.unknown-address'],
  ])('%s is refused with a code', async (path, status, code) => {
    const answer = await rawGet(path);
    expect(answer.status).toBe(status);
    const report = JSON.parse(answer.body) as ErrorReport;
    expect(report.code).toBe(code);
    expect(report.message).not.toBe('');
  });

  test('names the circuits there are when one is unknown', async () => {
    const { body } = await json<ErrorReport>('/api/circuits/gendr');
    expect(body.hint).toContain('gender');
  });
});

describe('pages', () => {
  test.each(['/', '/circuit/gender?threshold=0.1', `/features/${site}/12`])(
    '%s gives the page',
    async (path) => {
      const response = await fetch(url + path);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('<div id="root">');
      expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    },
  );

  test('a foreign name that points to this machine is refused', async () => {
    const { status, body } = await rawGet('/api/study', 'evil.example');
    expect(status).toBe(403);
    expect((JSON.parse(body) as ErrorReport).code).toBe('studio.foreign-host');
  });

  test('pages that are not built are an error with a way out', async () => {
    const starting = startStudio({ store: storeAt(inventedStudy()), pages: '/nowhere' });
    await expect(starting).rejects.toMatchObject({ code: 'studio.no-pages' });
  });

  test('a port that is taken is an error with a code', async () => {
    const port = Number(new URL(url).port);
    const starting = startStudio({ store: storeAt(inventedStudy()), port });
    await expect(starting).rejects.toMatchObject({ code: 'studio.port' });
  });
});

/** Sends the path as it is, without tidying. */
function rawGet(path: string, host = '127.0.0.1'): Promise<{ status: number; body: string }> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('the live line', () => {
  test('sends the snapshot, the figures so far, then what happens; closing ends it', async () => {
    const store = storeAt(inventedStudyMidway());
    const studio = await startStudio({ store });
    const step = `train/${site}`;
    store.send({ type: 'running', step });
    store.send({
      type: 'progress',
      step,
      event: { type: 'start', task: step, label: 'x', total: 9, unit: 'tokens' },
    });
    store.send({
      type: 'progress',
      step,
      event: { type: 'advance', task: step, done: 3, figures: { fve: 0.5 } },
    });
    const response = await fetch(`${studio.url}/api/events`);
    const events = readEvents(response);
    const state = (await events.next()).value as { name: string; data: StudyState };
    expect(state.name).toBe('state');
    expect(state.data.steps.find((one) => one.name === step)).toMatchObject({ status: 'running', done: 3 });
    const history = (await events.next()).value;
    expect(history).toEqual({ name: 'history', data: { [step]: [{ done: 3, figures: { fve: 0.5 } }] } });
    store.send({
      type: 'progress',
      step,
      event: { type: 'advance', task: step, done: 6, figures: { fve: 0.6 } },
    });
    store.send({
      type: 'progress',
      step,
      event: { type: 'advance', task: step, done: 7, figures: { fve: 0.7 } },
    });
    const live = (await events.next()).value as {
      name: string;
      data: { step: { done: number }; point: unknown };
    };
    expect(live.name).toBe('step');
    expect(live.data.step.done).toBe(7);
    expect(live.data.point).toEqual({ done: 7, figures: { fve: 0.7 } });
    store.send({ type: 'finished', step, cached: false, seconds: 2, result: {} });
    const after = (await events.next()).value as { name: string; data: StudyState };
    expect(after.data.steps.find((one) => one.name === step)?.status).toBe('done');
    await studio.close();
    expect((await events.next()).done).toBe(true);
    await expect(fetch(`${studio.url}/api/study`)).rejects.toThrow();
  });

  test('a curve of thousands of points stays small and keeps its end', async () => {
    const store = storeAt(inventedStudyMidway());
    const studio = await startStudio({ store });
    const step = `train/${site}`;
    store.send({ type: 'running', step });
    for (let done = 1; done <= 5000; done++) {
      store.send({
        type: 'progress',
        step,
        event: { type: 'advance', task: step, done, figures: { fve: 0 } },
      });
    }
    const events = readEvents(await fetch(`${studio.url}/api/events`));
    await events.next();
    const { data } = (await events.next()).value as { data: Record<string, { done: number }[]> };
    expect(data[step]!.length).toBeLessThanOrEqual(240);
    expect(data[step]!.at(-1)!.done).toBe(5000);
    await studio.close();
  });
});

/** The events of a server-sent stream, one by one. */
async function* readEvents(response: Response): AsyncGenerator<{ name: string; data: unknown }> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const [, name, data] = /^event: (\w+)\ndata: ([\s\S]*)$/.exec(block) ?? [];
      if (name && data) yield { name, data: JSON.parse(data) as unknown };
    }
  }
}
