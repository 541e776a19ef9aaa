/** @file Zoom and pan of the graph, kept in the address: buttons, + − 0, Ctrl + wheel, drag. */
import { type PointerEvent, useEffect, useRef, useState, type WheelEvent } from 'react';
import { useQuery } from '../../router.tsx';

export interface Zoom {
  readonly scale: number;
  readonly transform: string;
  by(factor: number): void;
  fit(): void;
  readonly handlers: {
    onWheel(event: WheelEvent): void;
    onPointerDown(event: PointerEvent): void;
    onPointerMove(event: PointerEvent): void;
    onPointerUp(event: PointerEvent): void;
  };
}

interface View {
  scale: number;
  /** What is in the middle, as shares of width and height. */
  x: number;
  y: number;
}

const whole: View = { scale: 1, x: 0.5, y: 0.5 };
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

function read(text: string): View {
  const [scale = 1, x = 0.5, y = 0.5] = text.split(',').map(Number);
  return Number.isFinite(scale + x + y) ? tidy({ scale, x, y }) : whole;
}

/** Never smaller than the whole, never past its edges. */
function tidy({ scale, x, y }: View): View {
  const s = clamp(scale, 1, 8);
  const half = 0.5 / s;
  return { scale: s, x: clamp(x, half, 1 - half), y: clamp(y, half, 1 - half) };
}

export function useZoom(width: number, height: number): Zoom {
  const [text, setText] = useQuery('view');
  const view = text ? read(text) : whole;
  const drag = useRef<{ x: number; y: number } | undefined>(undefined);
  const [moving, setMoving] = useState<View>();
  const now = moving ?? view;
  const put = (next: View) => {
    const { scale, x, y } = tidy(next);
    setText(scale <= 1.001 ? undefined : [scale.toFixed(2), x.toFixed(3), y.toFixed(3)].join(','));
  };
  const by = (factor: number) => put({ ...now, scale: now.scale * factor });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing =
        event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (typing || event.ctrlKey || event.metaKey) return;
      if (event.key === '+' || event.key === '=') by(1.4);
      else if (event.key === '-') by(1 / 1.4);
      else if (event.key === '0') put(whole);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });
  return {
    scale: now.scale,
    transform: `translate(${width / 2} ${height / 2}) scale(${now.scale}) translate(${-now.x * width} ${-now.y * height})`,
    by,
    fit: () => put(whole),
    handlers: {
      onWheel(event) {
        if (event.ctrlKey) by(event.deltaY < 0 ? 1.15 : 1 / 1.15);
      },
      onPointerDown(event) {
        if (now.scale > 1) drag.current = { x: event.clientX, y: event.clientY };
      },
      onPointerMove(event) {
        if (!drag.current) return;
        const dx = (event.clientX - drag.current.x) / (width * now.scale);
        const dy = (event.clientY - drag.current.y) / (height * now.scale);
        drag.current = { x: event.clientX, y: event.clientY };
        setMoving(tidy({ ...now, x: now.x - dx, y: now.y - dy }));
      },
      onPointerUp() {
        drag.current = undefined;
        if (moving) put(moving);
        setMoving(undefined);
      },
    },
  };
}

export const ZoomButtons = ({ zoom }: { zoom: Zoom }) => (
  <div className="zoom">
    <button type="button" onClick={() => zoom.by(1.4)} aria-label="Zoom in">
      +
    </button>
    <button type="button" onClick={() => zoom.by(1 / 1.4)} aria-label="Zoom out" disabled={zoom.scale <= 1}>
      −
    </button>
    <button type="button" onClick={zoom.fit} disabled={zoom.scale <= 1}>
      Fit
    </button>
  </div>
);
