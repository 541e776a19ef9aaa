/** @file Progress on a terminal: one line per finished step, one live line with bar, rate and time left. */
import type { StudyMessage } from '../study/messages.ts';
import type { StepState, StudyState } from '../study/state.ts';
import type { Io } from './io.ts';

export interface ProgressView {
  show(message: StudyMessage, state: StudyState): void;
  /** Removes the live line. */
  close(): void;
}

/** `4.2 s`, `1:05`, `1:02:03`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** A bar of `width` cells, filled by eighths. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const full = Math.floor(eighths / 8);
  const part = full < width ? ' ▏▎▍▌▋▊▉'[eighths % 8] : '';
  return `${'█'.repeat(full)}${part}`.padEnd(width, '·').replace(/ (?=·|$)/, '·');
}

/** Rate and time left from the progress since a part of a step began. */
export interface Pace {
  readonly begun: number;
  readonly from: number;
}

/** The live line of a running step. */
export function liveLine(step: StepState, pace: Pace, now: number): string {
  const elapsed = Math.max(1e-3, (now - pace.begun) / 1000);
  const done = step.done ?? 0;
  const rate = (done - pace.from) / elapsed;
  const parts = [step.name];
  if (step.total && step.total > 0) {
    const share = done / step.total;
    parts.push(`${bar(share, 20)} ${String(Math.floor(share * 100)).padStart(3)} %`);
    if (step.unit && rate > 0) parts.push(`${rate.toFixed(rate < 10 ? 1 : 0)} ${step.unit}/s`);
    if (rate > 0) parts.push(`${duration((step.total - done) / rate)} left`);
  } else {
    parts.push(step.label);
  }
  const figures = Object.entries(step.figures ?? {})
    .filter(([name]) => name !== 'tokensPerSecond')
    .map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
  return [...parts, ...figures].join('  ');
}

/** Progress for `io`: live on a terminal, plain lines elsewhere. */
export function progressView(io: Io, now: () => number = () => performance.now()): ProgressView {
  return io.live ? liveView(io, now) : plainView(io, now);
}

/** The line that stays when a step has ended. */
function endLine(io: Io, message: Extract<StudyMessage, { type: 'finished' }>, state: StudyState): string {
  const step = state.steps.find((one) => one.name === message.step);
  const time = message.cached ? 'kept' : duration(message.seconds);
  const mark = io.style.good('✓');
  return `${mark} ${message.step}  ${step?.summary ?? ''}  ${io.style.faint(time)}\n`;
}

/** Keeps when and where the present part of each step began. */
function paces(now: () => number) {
  const known = new Map<string, Pace>();
  return {
    of: (step: string): Pace => known.get(step) ?? { begun: now(), from: 0 },
    note(message: StudyMessage) {
      if (message.type === 'running') known.set(message.step, { begun: now(), from: 0 });
      if (message.type !== 'progress') return;
      if (message.event.type === 'start') known.set(message.step, { begun: now(), from: 0 });
      // Work taken up again starts above zero: its first report is where the rate counts from.
      const pace = known.get(message.step);
      if (message.event.type === 'advance' && pace && pace.from === 0 && now() - pace.begun < 500) {
        const { done, total } = message.event;
        if (total && done > total / 20) known.set(message.step, { begun: now(), from: done });
      }
    },
  };
}

function liveView(io: Io, now: () => number): ProgressView {
  const pace = paces(now);
  const clear = '\r\u001B[2K';
  let current: { step: StepState; pace: Pace } | undefined;
  const draw = () => {
    if (!current) return;
    const line = liveLine(current.step, current.pace, now());
    io.err(`${clear}${io.style.accent('▸')} ${line.slice(0, Math.max(10, io.columns - 3))}`);
  };
  const timer = setInterval(draw, 250);
  timer.unref();
  return {
    show(message, state) {
      pace.note(message);
      if (message.type === 'finished') {
        current = undefined;
        io.err(`${clear}${endLine(io, message, state)}`);
      } else if (message.type === 'failed') {
        current = undefined;
        io.err(clear);
      } else if (message.type === 'running' || message.type === 'progress') {
        const step = state.steps.find((one) => one.name === message.step);
        if (step) current = { step, pace: pace.of(step.name) };
        if (message.type === 'running') draw();
        if (message.type === 'progress' && message.event.type === 'note') {
          io.err(`${clear}  ${io.style.faint(message.event.text)}\n`);
        }
      }
    },
    close() {
      clearInterval(timer);
      if (current) io.err(clear);
      current = undefined;
    },
  };
}

/** Seconds between two lines about the same step where there is no terminal. */
const plainGap = 15;

function plainView(io: Io, now: () => number): ProgressView {
  const pace = paces(now);
  let said = Number.NEGATIVE_INFINITY;
  return {
    show(message, state) {
      pace.note(message);
      if (message.type === 'finished') io.err(endLine(io, message, state));
      if (message.type === 'running') {
        said = now();
        const step = state.steps.find((one) => one.name === message.step);
        io.err(`▸ ${message.step}  ${step?.label ?? ''}\n`);
      }
      if (message.type !== 'progress') return;
      if (message.event.type === 'note') io.err(`  ${message.event.text}\n`);
      if (message.event.type !== 'advance' || now() - said < plainGap * 1000) return;
      said = now();
      const step = state.steps.find((one) => one.name === message.step);
      if (step) io.err(`  ${liveLine(step, pace.of(step.name), now())}\n`);
    },
    close() {},
  };
}
