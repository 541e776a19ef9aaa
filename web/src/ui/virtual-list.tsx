/** @file A list of many rows of one height: only those in view are in the page. */
import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';

export interface VirtualListProps {
  readonly length: number;
  readonly rowHeight: number;
  readonly label: string;
  readonly render: (index: number) => ReactNode;
  /** Told which rows are in view, whenever that changes. */
  readonly onView: (first: number, last: number) => void;
}

const extra = 8;

/** Scrolls by itself; arrow keys move from link to link. */
export function VirtualList({ length, rowHeight, label, render, onView }: VirtualListProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const read = () => setView({ top: element.scrollTop, height: element.clientHeight });
    read();
    element.addEventListener('scroll', read, { passive: true });
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', read);
      observer.disconnect();
    };
  }, []);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - extra);
  const last = Math.min(length - 1, Math.ceil((view.top + view.height) / rowHeight) + extra);
  useEffect(() => {
    if (last >= first) onView(first, last);
  }, [first, last, onView]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const links = [...(box.current?.querySelectorAll<HTMLElement>('[data-row] a') ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    if (step === 0 || at < 0) return;
    event.preventDefault();
    links[at + step]?.focus();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a scrolling box with one tall child cannot be a ul
    <div className="virtual" ref={box} role="list" aria-label={label} onKeyDown={onKeyDown}>
      <div style={{ height: length * rowHeight, position: 'relative' }}>
        {Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i).map((index) => (
          // biome-ignore lint/a11y/useSemanticElements: rows are placed by hand
          <div
            key={index}
            data-row
            role="listitem"
            aria-setsize={length}
            aria-posinset={index + 1}
            style={{ position: 'absolute', top: index * rowHeight, height: rowHeight, left: 0, right: 0 }}
          >
            {render(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
