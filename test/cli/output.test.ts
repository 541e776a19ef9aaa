/** @file What the command line prints: bars, rates, tables, errors, the report. */
import { describe, expect, it } from 'vitest';
import { exitCodeOf, printError } from '../../src/cli/errors.ts';
import { bar, duration, liveLine, progressView } from '../../src/cli/progress.ts';
import { report } from '../../src/cli/report.ts';
import { styleText } from '../../src/cli/style.ts';
import { table } from '../../src/cli/table.ts';
import { InterruptedError, StudyError, UsageError } from '../../src/core/errors.ts';
import type { StudyMessage } from '../../src/study/messages.ts';
import { studyStore } from '../../src/study/state.ts';
import type { StudySummary } from '../../src/study/summary.ts';
import { fakeIo } from './support.ts';

describe('small parts', () => {
  it('durations', () => {
    expect([4.24, 59.94, 60, 65, 3723].map(duration)).toEqual(['4.2 s', '59.9 s', '1:00', '1:05', '1:02:03']);
  });
  it('bars are as wide as asked, whatever the share', () => {
    for (const share of [-1, 0, 0.01, 0.33, 0.5, 0.999, 1, 2]) expect([...bar(share, 10)]).toHaveLength(10);
    expect(bar(0.5, 4)).toBe('██··');
    expect(bar(1, 4)).toBe('████');
  });
  it('a live line has share, rate and time left', () => {
    const line = liveLine(
      {
        name: 'harvest',
        label: '',
        stage: 'features',
        status: 'running',
        done: 300,
        total: 1200,
        unit: 'tokens',
      },
      { begun: 0, from: 0 },
      30_000,
    );
    expect(line).toContain(' 25 %');
    expect(line).toContain('10 tokens/s');
    expect(line).toContain('1:30 left');
  });
  it('tables put numbers to the right', () => {
    expect(
      table(
        ['name', 'n'],
        [
          ['a', '5'],
          ['bcd', '10'],
        ],
      ),
    ).toBe('  name   n\n  a      5\n  bcd   10\n');
  });
});

describe('errors', () => {
  it('end with the code that scripts know', () => {
    expect(exitCodeOf(new InterruptedError())).toBe(130);
    expect(exitCodeOf(new UsageError('usage.wrong', 'x'))).toBe(2);
    expect(exitCodeOf(new StudyError('study.yaml', 'x'))).toBe(1);
    expect(exitCodeOf(new TypeError('x'))).toBe(1);
  });
  it('say what, where, what to do and the code; JSON on standard output only when asked', () => {
    const { io, said } = fakeIo(false);
    const error = new StudyError('study.yaml', 'not YAML', { where: 'a.yaml:3', hint: 'indent' });
    printError(error, io, false);
    expect(said.err).toBe('error: not YAML\n  where a.yaml:3\n  hint  indent\n  code  study.yaml\n');
    expect(said.out).toBe('');
    printError(error, io, true);
    expect(JSON.parse(said.out)).toEqual({
      error: { code: 'study.yaml', message: 'not YAML', where: 'a.yaml:3', hint: 'indent' },
    });
  });
});

describe('progress', () => {
  const step = { name: 'harvest', stage: 'features' as const, label: 'Record', hash: 'h', cached: false };
  const cost = { seconds: 1, diskBytes: 1, memoryBytes: 1 };
  const messages: StudyMessage[] = [
    { type: 'planned', name: 's', command: 'c', steps: [{ ...step, cost }] },
    { type: 'running', step: 'harvest' },
    {
      type: 'progress',
      step: 'harvest',
      event: { type: 'start', task: 'harvest', label: 'x', total: 10, unit: 'tokens' },
    },
    { type: 'progress', step: 'harvest', event: { type: 'advance', task: 'harvest', done: 5, total: 10 } },
    { type: 'progress', step: 'harvest', event: { type: 'note', text: 'came from the cache' } },
    { type: 'finished', step: 'harvest', cached: false, seconds: 3, result: { leftOut: [] } },
  ];
  const play = (live: boolean) => {
    const { io, said } = fakeIo(live);
    let clock = 0;
    const view = progressView(io, () => clock);
    const store = studyStore();
    store.subscribe((message, state) => view.show(message, state));
    for (const message of messages) {
      clock += 20_000;
      store.send(message);
    }
    view.close();
    return said;
  };
  it('without a terminal is plain lines: no control characters', () => {
    const { err, out } = play(false);
    expect(out).toBe('');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
    expect(err).not.toMatch(/[\r\u001B]/);
    expect(err).toMatch(/▸ harvest {2}Record\n/);
    expect(err).toMatch(/50 %/);
    expect(err).toMatch(/came from the cache\n/);
    expect(err).toMatch(/✓ harvest .* 3\.0 s\n$/);
  });
  it('on a terminal redraws one line and leaves one per step', () => {
    const { err } = play(true);
    expect(err).toContain('\r\u001B[2K');
    expect(err.trimEnd().split('\n').at(-1)).toMatch(/✓ harvest/);
  });
});

it('the report has a table for each part and numbers with their interval', () => {
  const summary: StudySummary = {
    sentence: 'In M, it works.',
    model: { name: 'M', source: 'a file', parameters: 135e6, note: 'a 4-bit instruct model' },
    logits: { ioiCorrect: 20, of: 20, pMary: 0.923 },
    dictionaries: [
      {
        site: 'blocks.1',
        architecture: 'topk',
        features: 64,
        l0: 8,
        fve: 0.79,
        ceRecovered: 0.95,
        dead: 0.01,
        tokensPerSecond: 1000,
      },
    ],
    sweeps: [
      {
        site: 'blocks.1',
        rows: [
          { name: 'k=8', chosen: true, features: 64, l0: 8, fve: 0.79, ceRecovered: 0.95, dead: 0.01 },
          { name: 'k=16', chosen: false, features: 64, l0: 16, fve: 0.86, ceRecovered: 0.97, dead: 0 },
        ],
      },
    ],
    circuits: [
      {
        task: 'gender',
        nodes: 180,
        faithfulness: 0.62,
        interval: [0.54, 0.69],
        completeness: 0.1,
        random: 0.02,
        randomInterval: [0, 0.04],
      },
    ],
    energy: {
      costateSpread: 2e-7,
      leak: 0.012,
      tasks: [{ task: 'gender', costateSpread: 2e-7, leak: 0.012 }],
    },
    concepts: [
      {
        ...{ module: 'margin', task: 'gender', kind: 'observable', name: 'margin', unit: 'logits' },
        ...{ meaning: 'mean of m(clean) − m(patch)', value: 3.214 },
      },
    ],
    edit: [],
    seconds: { total: 65 },
    memory: { peakBytes: 2e9 },
  };
  const text = report(summary, { style: styleText(false) });
  expect(text).toContain('In M, it works.');
  expect(text).toContain('a 4-bit instruct model');
  expect(text).toContain('0.62 (0.54 to 0.69)');
  expect(text).toMatch(/k=8 \(chosen\) .*\n.*k=16 .* 0\.860/);
  expect(text).toContain('0.02 (0.00 to 0.04)');
  expect(text).toMatch(/margin +gender +margin: 3\.21 logits/);
  expect(text).toContain('1:05, 2000 MB of memory at most');
});
