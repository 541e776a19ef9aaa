/** @file The inspector at the right: whatever is pointed at or pinned, the same on every page. */
import { useEffect } from 'react';
import { useLive } from '../api/store.ts';
import type { Place } from '../router.tsx';
import { Word } from '../ui/word.tsx';
import { EdgeCard, FeatureCard, NodeCard } from './cards.tsx';
import { nowPointed, pin, point, readSelected, type Selected, usePointed } from './selection.ts';

export function Inspector({ place }: { place: Place }) {
  const { study } = useLive();
  const pointed = usePointed();
  const pinned = readSelected(place.query.get('sel'));
  const shown = pointed ?? pinned;
  const here = place.path;

  // biome-ignore lint/correctness/useExhaustiveDependencies: leaving a page lets go of what was pointed at there
  useEffect(() => point(undefined), [here]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target instanceof HTMLElement ? event.target : undefined;
      if (target && /^(INPUT|TEXTAREA|SELECT|BUTTON|A)$/.test(target.tagName) && event.key !== 'Escape')
        return;
      const now = nowPointed();
      if (event.key === 'Enter' && now) pin(now);
      else if (event.key === 'Escape') {
        point(undefined);
        pin(undefined);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  const [first, second, third] = place.parts;
  const reserved =
    (first === 'circuit' && (study?.results.circuits.length ?? 0) > 0) ||
    (first === 'features' && second !== undefined && third === undefined);
  if (!shown && !reserved) return null;
  return (
    <aside className={reserved || pinned ? 'side' : 'side passing'} aria-label="Inspector">
      {shown ? (
        <>
          <p className="small soft pinned">
            {pinned && (!pointed || same(pointed, pinned)) ? (
              <>
                pinned{' '}
                <button type="button" className="plain small" onClick={() => pin(undefined)}>
                  let go (Esc)
                </button>
              </>
            ) : first === 'circuit' ? (
              'click or Enter keeps this'
            ) : (
              'Enter keeps this'
            )}
          </p>
          <Card selected={shown} />
        </>
      ) : (
        <Empty graph={first === 'circuit'} />
      )}
    </aside>
  );
}

const same = (a: Selected, b: Selected): boolean => JSON.stringify(a) === JSON.stringify(b);

function Card({ selected }: { selected: Selected }) {
  switch (selected.kind) {
    case 'feature':
      return <FeatureCard site={selected.site} id={selected.id} />;
    case 'node':
      return <NodeCard task={selected.task} id={selected.id} />;
    case 'edge':
      return <EdgeCard task={selected.task} source={selected.source} target={selected.target} />;
  }
}

const Empty = ({ graph }: { graph: boolean }) => (
  <div className="soft">
    <h2>Nothing selected</h2>
    <p>
      {graph
        ? 'Point at a part of the graph to see what it is and the paths through it. Click it, or press Enter, to keep it here.'
        : 'Point at a feature to see where it is active. Enter keeps it here; a click opens its page.'}
    </p>
    {graph && (
      <p style={{ marginTop: 12 }}>
        Squares are features, round marks are tokens and the answer, hatched ones are{' '}
        <Word term="errorNode">error nodes</Word>. Larger means a larger <Word term="effect">effect</Word>.
      </p>
    )}
  </div>
);
