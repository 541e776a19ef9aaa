/** @file What is said when there is nothing to show: what is missing, what makes it, what to do. */
import type { ReactNode } from 'react';
import { useLive } from '../api/store.ts';
import type { ErrorReport, Stage, StepState } from '../api/types.ts';

/** A written empty state. */
export function Told({ title, children, bad }: { title: string; children?: ReactNode; bad?: boolean }) {
  return (
    <section className={bad ? 'told bad' : 'told'} role={bad ? 'alert' : 'status'}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** A failure in the words of its report. */
export function Failed({ error, retry }: { error: ErrorReport; retry?: () => void }) {
  return (
    <Told title="This could not be shown" bad>
      <p>
        {error.message}
        {error.where ? ` (${error.where})` : ''}. {error.hint ?? ''}
      </p>
      <p className="small mono">{error.code}</p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </Told>
  );
}

const makes: Record<Stage, string> = {
  model: 'The model is opened in the first step of the study.',
  text: 'The text is read in the second step of the study.',
  features: 'Features are learned after the text has been read.',
  circuit: 'The circuit is looked for once the features are learned.',
  energy: 'The energy is measured once the circuit is found.',
  edit: 'The edit is made last, with the features that the circuit has shown.',
};

/** Why a page is still empty, from the steps that would fill it. */
export function NotYet({ stage, what }: { stage: Stage; what: string }) {
  const { study } = useLive();
  if (!study) return <Told title="Asking the study …" />;
  const steps = study.steps.filter((step) => step.stage === stage);
  const failed = steps.find((step) => step.status === 'failed');
  const running = steps.find((step) => step.status === 'running');
  if (failed && study.error) return <Failed error={study.error} />;
  if (running) {
    return (
      <Told title={`${what}: on the way`}>
        <p>
          {running.label}
          {progressWords(running)}. This page fills by itself.
        </p>
      </Told>
    );
  }
  return (
    <Told title={`${what}: not there yet`}>
      <p>{makes[stage]} This page fills by itself while the study runs. If no study is running, start it:</p>
      <code>{study.command || 'npm start'}</code>
    </Told>
  );
}

/** ": 40 % of 600,064 tokens". */
export function progressWords(step: StepState): string {
  if (!step.total || step.done === undefined) return '';
  const part = Math.floor((100 * step.done) / step.total);
  return `: ${part} % of ${step.total.toLocaleString('en-US')} ${step.unit ?? ''}`.trimEnd();
}
