/** @file A knob: a labelled slider that shows its value, and a button that lets time run. */
import { useEffect, useId, useState } from 'react';
import { useQuery } from '../../router.tsx';

export function Knob({
  label,
  value,
  low,
  high,
  step,
  onChange,
  format = String,
}: {
  label: string;
  value: number;
  low: number;
  high: number;
  step: number;
  onChange: (value: number) => void;
  format?: (value: number) => string;
}) {
  const id = useId();
  return (
    <div className="knob">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="range"
        min={low}
        max={high}
        step={step}
        value={value}
        aria-valuetext={format(value)}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      <output htmlFor={id}>{format(value)}</output>
    </div>
  );
}

export function Choice({
  label,
  value,
  of,
  words = {},
  onChange,
}: {
  label: string;
  value: string;
  of: readonly string[];
  /** What a value is called, where it is not its own name. */
  words?: Readonly<Record<string, string>>;
  onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div className="knob">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {of.map((one) => (
          <option key={one} value={one}>
            {words[one] ?? one}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A knob whose value stands in the address: kept in its range, as an address may say anything. */
export function useNumber(
  key: string,
  fallback: number,
  [low, high]: readonly [number, number],
): [number, (value: number) => void] {
  const [text, set] = useQuery(key, String(fallback));
  const value = Number(text);
  const kept = Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : fallback;
  return [kept, (next) => set(String(next))];
}

const still = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Time as a share of the run, from 0 to 1: a scrubber, and a button that plays it unless motion is unwelcome. */
export function useTime(seconds = 10) {
  const [time, setTime] = useState(1);
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    let last = performance.now();
    let frame = requestAnimationFrame(function next(now) {
      const passed = (now - last) / (1000 * seconds);
      last = now;
      setTime((before) => {
        if (before + passed >= 1) setPlaying(false);
        return Math.min(1, before + passed);
      });
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, seconds]);
  const scrubber = (
    <div className="knob">
      <button
        type="button"
        disabled={still()}
        onClick={() => {
          if (!playing && time >= 1) setTime(0.002);
          setPlaying(!playing);
        }}
      >
        {playing ? 'Pause' : 'Play'}
      </button>
      <input
        type="range"
        min={0.002}
        max={1}
        step={0.002}
        value={time}
        aria-label="time"
        aria-valuetext={`${Math.round(time * 100)} per cent of the time`}
        onChange={(event) => {
          setPlaying(false);
          setTime(Number(event.target.value));
        }}
      />
    </div>
  );
  return { time, scrubber };
}
