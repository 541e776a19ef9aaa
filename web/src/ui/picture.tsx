/** @file Shows a picture made by src/pictures at the width there is, and draws it again when that changes. */
import { useLayoutEffect, useMemo, useRef, useState } from 'react';

export function Picture({
  draw,
  className = '',
  least = 280,
}: {
  /** Pure: SVG text for a width in pixels. Keep it stable (useCallback) when drawing is dear. */
  draw: (width: number) => string;
  className?: string;
  least?: number;
}) {
  const at = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = at.current;
    if (!element) return;
    setWidth(Math.round(element.clientWidth));
    const observer = new ResizeObserver(() => setWidth(Math.round(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const svg = useMemo(() => (width > 0 ? draw(Math.max(least, width)) : ''), [draw, width, least]);
  return (
    <div
      ref={at}
      className={`picture ${className}`}
      // biome-ignore lint/security/noDangerouslySetInnerHtml: our own SVG; every text in it is escaped by el() and text()
      dangerouslySetInnerHTML={{ __html: svg }}
    />
  );
}
