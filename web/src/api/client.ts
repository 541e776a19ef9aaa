/** @file Asking the server: JSON in, or the error it reports. */
import { useEffect, useState } from 'react';
import type { ErrorReport } from './types.ts';

export type Loaded<T> =
  | { readonly status: 'loading'; readonly value?: T }
  | { readonly status: 'ready'; readonly value: T }
  | { readonly status: 'failed'; readonly error: ErrorReport; readonly value?: undefined };

const unreachable: ErrorReport = {
  code: 'studio.unreachable',
  message: 'the Studio’s server does not answer',
  hint: 'start it again with the command at the top of the page; this page goes on by itself',
};

/** GET `url` as JSON. @throws ErrorReport as the server sent it. */
export async function ask<T>(url: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : undefined);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable;
  }
  const body: unknown = await response.json().catch(() => unreachable);
  if (!response.ok) throw body;
  return body as T;
}

const cache = new Map<string, unknown>();
const most = 300;

/** The answer to `url`, remembered; `undefined` asks nothing. */
export function useAsk<T>(url: string | undefined, again: unknown = 0): Loaded<T> {
  const known = url === undefined ? undefined : (cache.get(url) as T | undefined);
  const [answer, setAnswer] = useState<{ url?: string; result: Loaded<T> }>({
    result: { status: 'loading' },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` asks once more on purpose
  useEffect(() => {
    if (url === undefined || cache.has(url)) return;
    const abort = new AbortController();
    ask<T>(url, abort.signal).then(
      (value) => {
        if (cache.size >= most) cache.delete(cache.keys().next().value as string);
        cache.set(url, value);
        setAnswer({ url, result: { status: 'ready', value } });
      },
      (error: ErrorReport) => {
        if (!abort.signal.aborted) setAnswer({ url, result: { status: 'failed', error } });
      },
    );
    return () => abort.abort();
  }, [url, again]);
  if (known !== undefined) return { status: 'ready', value: known };
  return answer.url === url ? answer.result : { status: 'loading' };
}

/** Forgets every answer: the study has changed. */
export const forgetAnswers = (): void => cache.clear();
