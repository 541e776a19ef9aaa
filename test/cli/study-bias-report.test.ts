/** @file The printed report of a bias study, from a result as it is kept. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withTables } from '../../scripts/bias-table.ts';
import { report } from '../../src/cli/commands/study-bias-report.ts';
import { END_POINT } from '../../src/edits/bias/end-point.ts';
import { SEED_SHARE } from '../../src/edits/bias/leakage.ts';
import { PATH_RULE } from '../../src/edits/bias/paths.ts';
import { SHIFT_RULE } from '../../src/edits/bias/selection.ts';
import { TASK_RULE } from '../../src/edits/bias/task-collateral.ts';
import type { BiasMethod, BiasResult } from '../../src/edits/bias/types.ts';
import { KL_REFERENCE, MARGINS } from '../../src/edits/bias/verdicts.ts';
import { columnsOf } from '../../src/study/bias/columns.ts';
import { biasPictures } from '../../src/study/bias/draw.ts';
import { besideRandom, besideRandomWords, taskTables } from '../../src/study/bias/task-columns.ts';
import { BIAS_TEXT_DEFAULTS } from '../../src/study/bias/types.ts';
import { inventedBias } from '../support/invented-saved.ts';

test('it has the Brier score beside the calibration error, and the verdict on the end point that both comparisons give', () => {
  const invented = inventedBias();
  const [one] = invented.verdicts;
  const verdicts = (['supported', 'refuted'] as const).map((outcome, i) => ({
    ...one!,
    ...{ claim: `${END_POINT} better than ${i}`, quantity: 'hypervolume', outcome },
  }));
  const printed = report({ ...invented, verdicts } as BiasResult);
  expect(printed).toMatch(/ECE +Brier/);
  expect(printed).toContain(invented.rows[0]!.figures.brier.value.toFixed(3));
  const last = printed.slice(printed.indexOf('than direct optimisation, both'));
  expect(last).toMatch(/^than direct optimisation, both\n {4}refuted: hypervolume\n/);
});

test('other tasks: share moved beside random features, each task with its interval, what was not scored; nothing for results without them', () => {
  const invented = inventedBias();
  const printed = report(invented);
  expect(printed).toMatch(/leak.* other tasks/);
  // Least action: 0.06 · 0.8 of agreement goes, 0.6 · 0.8 of the task about gender.
  expect(printed).toMatch(/least action .*4\.8 \/ 0\.8/);
  expect(printed).toMatch(/agreement +pronoun \(gender\)/);
  expect(printed).toMatch(
    /least action +−4\.8 \(−6\.8 to −2\.8\) \/ −1\.0 +−48\.0 \(−50\.0 to −46\.0\) \/ −1\.0/,
  );
  expect(printed).toContain('not scored: capitals: the invented network knows none');
  // The interval of the smallest edit reaches that of random features.
  expect(besideRandomWords(besideRandom(invented.rows)!)).toBe(
    'Other tasks are moved more than by random features as large: LEACE; SHIFT by rule; straight line; least action; oracle. ' +
      'Not told from those: random features, equal ‖Δx‖.',
  );
  const { otherTasks, ...before } = invented;
  const old = { ...before, rows: invented.rows.map(({ otherTasks: _, ...row }) => row) };
  expect(report(old)).not.toMatch(/other tasks|logit difference/);
  expect(taskTables(old)).toEqual([]);
  expect(biasPictures(old).map(({ name }) => name)).not.toContain('other-tasks');
  const drawn = biasPictures(invented)
    .find(({ name }) => name === 'other-tasks')!
    .svg();
  expect(drawn).toContain('random features that move the prompts as far');
});

test('what could not be said is null in a saved result, and stays unsaid', () => {
  const unsaid = (value: number) => ({ value, low: Number.NaN, high: Number.NaN, n: 10 });
  const invented = inventedBias();
  const rows = invented.rows.map((row) => ({
    ...row,
    swapped: { ...row.swapped, worstGroup: unsaid(Number.NaN) },
    figures: { ...row.figures, worstGroup: unsaid(0.5) },
    otherTasks: row.otherTasks && {
      ...row.otherTasks,
      moved: unsaid(row.otherTasks.moved.value),
      tasks: row.otherTasks.tasks.map((task) => ({
        ...task,
        effect: { ...task.effect, removed: unsaid(Number.NaN) },
      })),
    },
  }));
  const saved = JSON.parse(JSON.stringify({ ...invented, rows })) as BiasResult;
  const cells = (name: string) =>
    columnsOf(saved, 0)
      .find((one) => one.name === name)!
      .cell(saved.rows[1]!);
  expect([cells('swapped'), cells('worst group')]).toEqual(['–', '50.0 (–––)']);
  expect(taskTables(saved)[0]!.columns[1]!.cell(saved.rows[1]!)).toMatch(/^– \(– to –\)/);
  const { more, less, like } = besideRandom(saved.rows)!;
  expect([more, less, like.length]).toEqual([[], [], 6]);
});

const page = readFileSync('docs/bias.md', 'utf8');

test('the tables of the docs are those of the committed results', () => {
  expect(withTables(page)).toBe(page);
});

/** What the page says in words, on one line. */
const words = page.replace(/\s+/g, ' ');

test('what the docs say of the figures is what the committed result says', () => {
  const { result, steps } = JSON.parse(readFileSync('bench/results/bias.json', 'utf8')) as {
    result: Pick<BiasResult, 'rows' | 'verdicts' | 'counts'>;
    steps: { seconds: number }[];
  };
  const row = (method: BiasMethod) => result.rows.find((one) => one.method === method)!;
  const share = ({ value }: { value: number }) => Math.round(100 * value);
  const leak = (method: BiasMethod) => share(row(method).leakage.linear);
  const { fieldAccuracy, genderAccuracy } = row('original').figures;
  const of = (set: string, pick: (count: BiasResult['counts'][number]) => number) =>
    result.counts.filter((one) => one.set === set).reduce((sum, one) => sum + pick(one), 0);
  expect(words).toContain(
    `trained on ${of('train', (one) => one.natural + one.swapped)} confounded rows the probe is right on ${share(fieldAccuracy)} % of balanced ones, ` +
      `and its answers agree with gender on ${share(genderAccuracy)} %`,
  );
  expect(words).toContain(
    `bring a linear probe from ${leak('original')} to ${leak('mean-difference')} and ${leak('leace')} %; features by SHIFT's rule only to ${leak('shift')} %`,
  );
  expect(words).toContain('Deleting words leaves none');
  expect(leak('token-deletion')).toBe(50);
  const field = (method: BiasMethod) => row(method).figures.fieldAccuracy.value;
  expect(words).toContain('least action less so than direct optimisation or gradient flow');
  expect(field('least-action')).toBeGreaterThan(Math.max(field('direct-end'), field('gradient-flow')));
  expect(words).toContain('the straight way is no worse than that of least action');
  const outcomes = (claim: string) =>
    result.verdicts.filter((one) => one.claim.startsWith(claim)).map((one) => one.outcome);
  expect(outcomes('way:')).not.toContain('supported');
  expect(words).toContain('nothing is supported here but that a path costs less than no path');
  expect(outcomes("end point: least action's is better than the straight line")).not.toContain('supported');
  expect(outcomes("end point: least action's is better than direct")).toContain('supported');
  const minutes = steps.reduce((sum, one) => sum + one.seconds, 0) / 60;
  const told = Number(words.match(/about (\d+) minutes on two cores/)![1]);
  expect(Math.abs(told / minutes - 1)).toBeLessThan(0.3);
  // Nine of ten natural people are men.
  const natural = (gender: string) =>
    result.counts.filter((one) => one.protected === gender).reduce((sum, one) => sum + one.natural, 0);
  expect(words).toContain('about 90 % of natural people are men');
  expect(natural('male') / (natural('male') + natural('female'))).toBeCloseTo(0.9, 1);
});

test('what the docs say of the paths of the table is what its committed result says', () => {
  const { verdicts } = (
    JSON.parse(readFileSync('bench/results/bias-cps.json', 'utf8')) as {
      result: Pick<BiasResult, 'verdicts'>;
    }
  ).result;
  const supported = (claim: string) =>
    verdicts
      .filter((one) => one.claim.startsWith(claim) && one.outcome === 'supported')
      .map((one) => one.quantity);
  expect(words).toContain(
    "better here than the straight line's and than direct optimisation's by the hypervolume, the primary quantity, and by none of the others against both; its way is no better",
  );
  expect(supported('way:')).toEqual([]);
  const overLine = supported("end point: least action's is better than the straight line with");
  const overOptimised = supported("end point: least action's is better than direct optimisation");
  expect(overLine.filter((one) => overOptimised.includes(one))).toEqual([
    'hypervolume, difference (primary)',
  ]);
});

test('the rules that the docs describe are those of the code', () => {
  const { pinned, free, metricPoints, kappa, mu } = PATH_RULE;
  expect([mu, metricPoints, SHIFT_RULE.fieldPerGender]).toEqual([0.1, 5, 0.5]);
  for (const said of [
    `at least ${100 * SHIFT_RULE.genderShare} % of Σ\\|effect\\| of all features on gender`,
    `at most ${SHIFT_RULE.most}.`,
    `the ${pinned} strongest of the rule's features go from 1 to 0 evenly; ${free} free strengths`,
    `κ = ${kappa} nat`,
    `hypervolume ${MARGINS.hypervolume} (the primary figure), worst group at equal leakage ${100 * MARGINS.worstGroup} point, KL at equal leakage ${100 * MARGINS.kl} % saved`,
    `within ${100 * MARGINS.oracle} points of the oracle's worst group`,
    `from 0.5 nats to 0`,
    `less than ${100 * TASK_RULE.able} % right are left out`,
    `${TASK_RULE.features} features that are active in the prompts`,
    `windows of plain text (${BIAS_TEXT_DEFAULTS.textWindows})`,
    `A probe seed draws ${100 * SEED_SHARE} % of the persons`,
  ])
    expect(words).toContain(said);
  expect(KL_REFERENCE).toBe(0.5);
});
