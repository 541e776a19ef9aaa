/** @file While the study runs: the newest picture, growing in the middle. */
import { useCallback } from 'react';
import { nextTokenBars, visibleToken } from '../../../../src/pictures/bars.ts';
import { learningPicture } from '../../../../src/pictures/curves.ts';
import { useLive } from '../../api/store.ts';
import type { DictionaryResult, FigurePoint, ModelSummary, StudyState } from '../../api/types.ts';
import { siteName } from '../../ui/feature-name.tsx';
import { Picture } from '../../ui/picture.tsx';
import { Word } from '../../ui/word.tsx';
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
  const { dictionaries } = study.results;
  const lines = learningLines(study, dictionaries, history);
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
          <Word term="fve">explain more of the state</Word>.
        </>
      }
    >
      <Picture draw={draw} />
    </Figure>
  );
}

function learningLines(
  study: StudyState,
  dictionaries: readonly DictionaryResult[],
  history: Readonly<Record<string, readonly FigurePoint[]>>,
) {
  const known = new Set(dictionaries.map((one) => one.site));
  const running = study.steps
    .filter((step) => step.name.startsWith('train/') && !known.has(step.name.slice('train/'.length)))
    .map((step) => ({
      name: siteName(step.name.slice('train/'.length)),
      curve: (history[step.name] ?? [])
        .filter((point) => point.figures.fve !== undefined)
        .map((point) => ({ tokens: point.done, fve: point.figures.fve! })),
    }))
    .filter((line) => line.curve.length > 0);
  return [...dictionaries.map((one) => ({ name: siteName(one.site), curve: [...one.curve] })), ...running];
}

/** True when there is anything to draw. */
export const hasLearning = (
  study: StudyState,
  history: Readonly<Record<string, readonly FigurePoint[]>>,
): boolean => learningLines(study, study.results.dictionaries, history).length > 0;
