/** @file The journey as a thin line of six parts: state, time, thumbnail; it fills while the study runs. */
import { fixed, number, percent } from '../../../../src/pictures/scale.ts';
import type { StepState, StudyState } from '../../api/types.ts';
import { pageList } from '../../frame/pages.ts';
import { type Part, partsOf } from '../../frame/steps.ts';
import { Link } from '../../router.tsx';
import { count, duration } from '../../ui/numbers.tsx';
import { progressWords } from '../../ui/told.tsx';
import { Thumbnail } from './thumbnail.tsx';

function stateWords(part: Part): string {
  const running = part.steps.find((step) => step.status === 'running');
  switch (part.status) {
    case 'waiting':
      return 'waiting';
    case 'failed':
      return 'failed';
    case 'cached':
      return part.seconds > 0 ? duration(part.seconds) : 'done before';
    case 'done':
      return duration(part.seconds);
    case 'running':
      return running ? shortProgress(running) : 'next';
  }
}

const shortProgress = (step: StepState): string =>
  step.total && step.done !== undefined ? `${Math.floor((100 * step.done) / step.total)} %` : 'running';

export function Journey({ study }: { study: StudyState }) {
  const parts = partsOf(study.steps);
  const running = study.steps.find((step) => step.status === 'running');
  return (
    <section className="journey" aria-label="The journey">
      <ol>
        {parts.map((part) => {
          const page = pageList.find((one) => one.stage === part.stage);
          return (
            <li key={part.stage} className={part.status}>
              <Link to={page?.path ?? '/'}>
                <span className="line" aria-hidden="true">
                  <span style={{ width: `${100 * part.share}%` }} />
                </span>
                <span className="name">{page?.name}</span>
                <span className="state">{stateWords(part)}</span>
                <Thumbnail stage={part.stage} results={study.results} />
              </Link>
            </li>
          );
        })}
      </ol>
      <p className="now soft" aria-live="polite">
        {running ? (
          <>
            {running.label}
            {progressWords(running)}
            {figureWords(running)}
          </>
        ) : (
          ' '
        )}
      </p>
    </section>
  );
}

const figureNames: Record<string, (value: number) => string> = {
  fve: (value) => `variance explained ${percent(value, 1)}`,
  dead: (value) => `dead ${percent(value, 1)}`,
  l0: (value) => `L0 ${fixed(value, 1)}`,
  tokensPerSecond: (value) => `${count(value)} tokens/s`,
};

/** Live figures worth reading: " · variance explained 71.2 %". */
const figureWords = ({ figures }: StepState): string =>
  Object.entries(figures ?? {})
    .slice(0, 4)
    .map(([name, value]) => ` · ${figureNames[name]?.(value) ?? `${name} ${number(value, 3)}`}`)
    .join('');
