/** @file A long feature list fetched page by page, only where one looks. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { ask } from './client.ts';
import type { ErrorReport, FeatureList, FeatureRow, FeatureSort } from './types.ts';

export const pageLength = 100;

interface Pages {
  readonly key: string;
  readonly total?: number;
  readonly rows: ReadonlyMap<number, FeatureRow>;
  readonly error?: ErrorReport;
}

export interface FeaturePages {
  readonly total?: number;
  readonly error?: ErrorReport;
  row(index: number): FeatureRow | undefined;
  /** Asks for the rows from `first` to `last` that are not there yet. */
  want(first: number, last: number): void;
}

/** The features of `site`, sorted and searched by the server. */
export function useFeaturePages(site: string, sort: FeatureSort, q: string): FeaturePages {
  const key = `${site}\n${sort}\n${q}`;
  const [pages, setPages] = useState<Pages>({ key, rows: new Map() });
  const asked = useRef(new Set<string>());
  const current = useRef(key);
  current.current = key;

  const want = useCallback(
    (first: number, last: number) => {
      for (let page = Math.floor(first / pageLength); page <= Math.floor(last / pageLength); page++) {
        const name = `${key}\n${page}`;
        if (asked.current.has(name)) continue;
        asked.current.add(name);
        const query = new URLSearchParams({
          site,
          sort,
          q,
          limit: `${pageLength}`,
          offset: `${page * pageLength}`,
        });
        ask<FeatureList>(`/api/features?${query}`).then(
          ({ total, rows }) => {
            if (current.current !== key) return asked.current.delete(name);
            setPages((old) => {
              const all = new Map(old.key === key ? old.rows : []);
              rows.forEach((row, i) => {
                all.set(page * pageLength + i, row);
              });
              return { key, total, rows: all };
            });
          },
          (error: ErrorReport) => {
            asked.current.delete(name);
            if (current.current === key) setPages({ key, rows: new Map(), error });
          },
        );
      }
    },
    [key, site, sort, q],
  );

  useEffect(() => {
    asked.current = new Set();
    want(0, pageLength - 1);
  }, [want]);

  const fresh = pages.key === key;
  return {
    ...(fresh && pages.total !== undefined ? { total: pages.total } : {}),
    ...(fresh && pages.error ? { error: pages.error } : {}),
    row: (index) => (fresh ? pages.rows.get(index) : undefined),
    want,
  };
}
