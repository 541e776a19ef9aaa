/** @file The address bar is the state: path for the page, query for thresholds, selection and zoom. */
import { type ReactNode, useCallback, useSyncExternalStore } from 'react';

const changed = 'untangle:navigated';

function subscribe(listener: () => void): () => void {
  window.addEventListener('popstate', listener);
  window.addEventListener(changed, listener);
  return () => {
    window.removeEventListener('popstate', listener);
    window.removeEventListener(changed, listener);
  };
}

const address = () => window.location.pathname + window.location.search;

/** Goes to `to`; with `replace` the way back skips what was here (sliders, selection). */
export function navigate(to: string, { replace = false } = {}): void {
  if (to === address()) return;
  window.history[replace ? 'replaceState' : 'pushState'](null, '', to);
  window.dispatchEvent(new Event(changed));
}

export interface Place {
  readonly path: string;
  /** The path's parts, decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

/** Where we are. */
export function usePlace(): Place {
  const here = useSyncExternalStore(subscribe, address);
  const url = new URL(here, window.location.origin);
  return {
    path: url.pathname,
    parts: url.pathname.split('/').filter(Boolean).map(decode),
    query: url.searchParams,
  };
}

/** The address here with some query fields changed; undefined removes a field. */
export function withQuery(changes: Readonly<Record<string, string | undefined>>): string {
  const url = new URL(window.location.href);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === '') url.searchParams.delete(key);
    else url.searchParams.set(key, value);
  }
  return url.pathname + url.search;
}

/** One field of the query as state: what is seen can be sent as a link. */
export function useQuery(key: string, fallback = ''): [string, (value: string | undefined) => void] {
  const { query } = usePlace();
  const set = useCallback(
    (value: string | undefined) =>
      navigate(withQuery({ [key]: value === fallback ? undefined : value }), { replace: true }),
    [key, fallback],
  );
  return [query.get(key) ?? fallback, set];
}

export interface LinkProps {
  readonly to: string;
  readonly children: ReactNode;
  readonly className?: string;
  readonly current?: boolean;
  /** Told when the pointer or the focus comes and goes. */
  readonly onPoint?: (on: boolean) => void;
}

/** A link within the Studio; opens in a new tab when asked to, as any link. */
export function Link({ to, children, className, current, onPoint }: LinkProps) {
  return (
    <a
      href={to}
      className={className}
      aria-current={current ? 'page' : undefined}
      onPointerEnter={onPoint && (() => onPoint(true))}
      onPointerLeave={onPoint && (() => onPoint(false))}
      onFocus={onPoint && (() => onPoint(true))}
      onBlur={onPoint && (() => onPoint(false))}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        navigate(to);
        window.scrollTo({ top: 0 });
      }}
    >
      {children}
    </a>
  );
}

/** Paths of pages, in one place. */
export const paths = {
  features: (site?: string) => (site ? `/features/${encodeURIComponent(site)}` : '/features'),
  feature: (site: string, id: number) => `/features/${encodeURIComponent(site)}/${id}`,
  circuit: (task?: string) => (task ? `/circuit/${encodeURIComponent(task)}` : '/circuit'),
  energy: (task?: string) => (task ? `/energy/${encodeURIComponent(task)}` : '/energy'),
};
