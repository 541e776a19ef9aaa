/** @file While the study runs: the newest picture, growing in the middle. */
import { useCallback } from 'react';
import { nextTokenBars, visibleToken } from '../../../../src/pictures/bars.ts';
import { learningPicture } from '../../../../src/pictures/curves.ts';
import { useLive } from '../../api/store.ts';
import type { FigurePoint, ModelSummary, StudyState } from '../../api/types.ts';
import { siteName } from '../../ui/feature-name.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
import { byDepth } from '../../words/sites.ts';
import { Figure } from './figures.tsx';

/** What the model says next: the first picture there is. */
export function ModelFigure({ model }: { model: ModelSummary }) {
  const example = model.examples[0];
  const draw = useCallback(
    (width: number) =>
      nextTokenBars(example?.tokens.slice(0, 8) ?? [], Math.min(width, 720), 'Next-token probabilities'),
    [example],
  );
  if (!example) return null;
  return (
    <Figure
      title="What the model expects next"
      to="/model"
      says={
        <>
          After “{example.prompt}” the model expects{' '}
          <span className="mono">{visibleToken(example.tokens[0]?.text ?? '').replace('·', '')}</span> first.
        </>
      }
    >
      <Picture draw={draw} />
    </Figure>
  );
}

/** Learning curves: finished sites from their results, the running one from the live line. */
export function LearningFigure({ study }: { study: StudyState }) {
  const { history } = useLive();
  const lines = learningLines(study, history);
  const key = lines.map((line) => `${line.name}:${line.curve.length}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` says all that changes the picture
  const draw = useCallback((width: number) => learningPicture(lines, { width, height: 360 }), [key]);
  return (
    <Figure
      title="Features being learned"
      to="/features"
      says={
        <>
          Each line is one place in the model; it rises as the features there{' '}
          <Word term="fve">explain more of the state</Word>. Lines with dots are finished and scored on
          held-out text; the one that grows is scored on what it is learning from.
        </>
      }
    >
      <Picture draw={draw} />
    </Figure>
  );
}

/** One line per site, in the colour of its depth, whether finished or being learned. */
function learningLines(study: StudyState, history: Readonly<Record<string, readonly FigurePoint[]>>) {
  const trained = study.steps.filter((step) => step.name.startsWith('train/'));
  const sites = byDepth(trained.map((step) => ({ site: step.name.slice('train/'.length), step: step.name })));
  return sites
    .map(({ site, step }, colour) => ({
      name: siteName(site),
      colour,
      curve:
        study.results.dictionaries.find((one) => one.site === site)?.curve ??
        (history[step] ?? [])
          .filter((point) => point.figures.fve !== undefined)
          .map((point) => ({ tokens: point.done, fve: point.figures.fve! })),
    }))
    .filter((line) => line.curve.length > 0);
}

/** True when there is anything to draw. */
export const hasLearning = (
  study: StudyState,
  history: Readonly<Record<string, readonly FigurePoint[]>>,
): boolean => learningLines(study, history).length > 0;
