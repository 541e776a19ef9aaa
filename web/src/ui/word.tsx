/** @file A word with its one-line meaning a hover (or focus) away. */
import { type ReactNode, useId, useRef, useState } from 'react';
import { entryOf, type Term } from '../words/glossary.ts';

export function Word({ term, children }: { term: Term; children?: ReactNode }) {
  const { word, means } = entryOf(term);
  const [open, setOpen] = useState(false);
  const [end, setEnd] = useState(false);
  const at = useRef<HTMLSpanElement>(null);
  const id = useId();
  const show = () => {
    const box = at.current?.getBoundingClientRect();
    setEnd(Boolean(box && box.left + 270 > document.documentElement.clientWidth));
    setOpen(true);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button inside running text would break lines and selection
    <span
      ref={at}
      className={end ? 'word end' : 'word'}
      role="button"
      tabIndex={0}
      aria-describedby={open ? id : undefined}
      onMouseEnter={show}
      onMouseLeave={() => setOpen(false)}
      onFocus={show}
      onBlur={() => setOpen(false)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') setOpen(false);
      }}
    >
      {children ?? word}
      {open && (
        <span className="means" role="tooltip" id={id}>
          {means}
        </span>
      )}
    </span>
  );
}
