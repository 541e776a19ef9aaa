/** @file One search box (`/`) over pages, words, tasks and features; arrows and Enter, Escape to leave. */
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { visibleToken } from '../../../src/pictures/bars.ts';
import { useAsk } from '../api/client.ts';
import { useLive } from '../api/store.ts';
import type { FeatureList, StudyState } from '../api/types.ts';
import { navigate, paths } from '../router.tsx';
import { siteName } from '../ui/feature-name.tsx';
import { glossary } from '../words/glossary.ts';
import { pageList } from './pages.ts';

interface Hit {
  readonly to: string;
  readonly name: string;
  readonly what: string;
  readonly says?: string;
}

/** Pages, tasks and words that contain `q`; those that begin with it first. */
function hitsOf(q: string, study: StudyState | undefined): Hit[] {
  const all: Hit[] = [
    ...pageList.map((page) => ({ to: page.path, name: page.name, what: 'page', says: page.says })),
    ...(study?.results.circuits ?? []).map((one) => ({
      to: paths.circuit(one.task),
      name: one.title,
      what: 'circuit',
    })),
    ...(study?.results.dictionaries ?? []).map((one) => ({
      to: paths.features(one.site),
      name: `Features at ${siteName(one.site)}`,
      what: 'site',
      says: one.site,
    })),
    ...Object.entries(glossary).map(([key, entry]) => ({
      to: `/glossary?word=${key}`,
      name: entry.word,
      what: 'word',
      says: entry.means,
    })),
  ];
  const wanted = q.toLowerCase();
  return all
    .filter((hit) => hit.name.toLowerCase().includes(wanted) || hit.says?.toLowerCase().includes(wanted))
    .sort(
      (a, b) =>
        Number(b.name.toLowerCase().startsWith(wanted)) - Number(a.name.toLowerCase().startsWith(wanted)),
    )
    .slice(0, 8);
}

export function Search() {
  const { study } = useLive();
  const [q, setQ] = useState('');
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const site = study?.results.dictionaries[Math.floor((study.results.dictionaries.length - 1) / 2)]?.site;
  const features = useAsk<FeatureList>(
    q.trim().length > 1 && site
      ? `/api/features?site=${encodeURIComponent(site)}&q=${encodeURIComponent(q.trim())}&limit=5`
      : undefined,
  );
  const hits = useMemo(() => {
    if (!q.trim()) return [];
    const found = (features.value?.rows ?? []).map((row) => ({
      to: paths.feature(site ?? '', row.id),
      name: `Feature ${row.id}`,
      what: siteName(site ?? ''),
      says: `most active on ${row.firesOn.map(visibleToken).join('  ')}`,
    }));
    return [...hitsOf(q.trim(), study), ...found];
  }, [q, study, features.value, site]);

  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const typing =
        event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key === '/' && !typing && !event.metaKey && !event.ctrlKey) {
        event.preventDefault();
        input.current?.focus();
        input.current?.select();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    navigate(hit.to);
    setOpen(false);
    setQ('');
    input.current?.blur();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(hits.length - 1, at + 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1));
    else if (event.key === 'Enter') go(hits[at]);
    else if (event.key === 'Escape') {
      setOpen(false);
      input.current?.blur();
    } else return;
    event.preventDefault();
  };
  const shown = open && q.trim() !== '';
  return (
    <div className="search">
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="Search features, pages and words"
        aria-expanded={shown && hits.length > 0}
        aria-controls={id}
        aria-activedescendant={shown && hits[at] ? `${id}-${at}` : undefined}
        placeholder="Search features, pages, words"
        value={q}
        onChange={(event) => {
          setQ(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <span className="key-hint" aria-hidden="true">
        /
      </span>
      {shown && (
        <div className="found" id={id} role="listbox" aria-label="Found">
          {hits.length === 0 && <p>Nothing found</p>}
          {hits.map((hit, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the input above holds focus and handles the keys
            <div
              key={hit.to}
              id={`${id}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === at}
              onMouseDown={(event) => event.preventDefault()}
              onMouseEnter={() => setAt(i)}
              onClick={() => go(hit)}
            >
              <span>{hit.name}</span>
              <span className="what">{hit.what}</span>
              {hit.says && <span className="says">{hit.says}</span>}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
