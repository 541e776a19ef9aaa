/** @file One HTTP request: through the proxies of the environment, with patience, taken up again when asked to wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, fetch, type Headers } from 'undici';
import { FileError, InterruptedError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';

export interface RequestOptions extends WorkContext {
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds to wait for the answer's start (10 by default); a stalled body gets six times as long. */
  readonly patience?: number;
}

/** The beginning of an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Its content, in pieces; each must come within six times the patience. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What a server said when it refused: the cause of a FileError `file.refused`. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Headers;
  constructor(status: number, headers: Headers, text: string) {
    super(text);
    this.status = status;
    this.headers = headers;
  }
}

/** The refusal behind an error, if that is what it tells of. */
export const refusalOf = (error: unknown): Refusal | undefined =>
  error instanceof FileError && error.cause instanceof Refusal ? error.cause : undefined;

/** A server that asks for more seconds than this is not waited for. */
const LONGEST_WAIT = 60;
/** How often a request is sent again after a refusal that may pass. */
const TRIES = 3;

/**
 * Asks for `url` and hands the answer to `use`. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are followed. A server that
 * says that it has had too many requests (429) or is not ready (502, 503, 504) is asked again, when it says so
 * after the time that it names.
 * @throws FileError `file.refused` (the status says no), `file.rate-limit`, `file.download` (no answer, a stall, a
 *   cut), `file.proxy`; whatever `use` throws
 */
export async function request<T>(
  url: string,
  options: RequestOptions,
  use: (answer: Answer) => Promise<T>,
): Promise<T> {
  const { patience = 10, signal } = options;
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(signal);
    try {
      return await requestOnce(url, options, use);
    } catch (error) {
      const refusal = refusalOf(error);
      const passing = refusal && [429, 502, 503, 504].includes(refusal.status);
      if (!passing) throw error;
      const asked = secondsAsked(refusal.headers);
      const wait = asked ?? Math.min(1, patience / 10) * 2 ** attempt;
      if (attempt >= TRIES || wait > LONGEST_WAIT) {
        throw refusal.status === 429 ? rateLimit(url, asked, error) : error;
      }
      const text = `${hostOf(url)} asks to wait ${wait.toFixed(0)} s`;
      if (asked) options.progress({ type: 'note', text });
      await sleep(1000 * wait, undefined, signal ? { signal } : {}).catch(() => {
        throw new InterruptedError();
      });
    }
  }
}

async function requestOnce<T>(
  url: string,
  { headers, patience = 10, signal }: RequestOptions,
  use: (answer: Answer) => Promise<T>,
): Promise<T> {
  const agent = proxiesOfEnvironment(patience);
  const clock = watchdog(patience, signal);
  try {
    const response = await fetch(url, {
      dispatcher: agent,
      signal: clock.signal,
      headers: { ...headers },
      redirect: 'follow',
    });
    if (!response.ok) {
      const said = (await response.text().catch(() => '')).slice(0, 500);
      const refusal = new Refusal(response.status, response.headers, said);
      const what = `answered ${response.status} ${response.statusText}`.trim();
      throw new FileError('file.refused', `${hostOf(url)}: ${what}`, {
        where: url,
        hint: 'check the address, and whether you may read it',
        cause: refusal,
      });
    }
    clock.allow(6 * patience);
    const body = response.body;
    async function* pieces(): AsyncGenerator<Uint8Array> {
      if (!body) return;
      for await (const piece of body) {
        clock.allow(6 * patience);
        yield piece as Uint8Array;
      }
    }
    return await use({ status: response.status, headers: response.headers, body: pieces() });
  } catch (error) {
    throwIfAborted(signal);
    if (error instanceof FileError) throw error;
    throw clock.signal.aborted
      ? unreachable(url, `no answer within ${clock.seconds()} seconds`, error)
      : unreachable(url, reasonOf(error), error);
  } finally {
    clock.stop();
    agent.destroy().catch(() => {});
  }
}

/** @throws FileError `file.proxy` when HTTP_PROXY or HTTPS_PROXY is no address of a proxy */
function proxiesOfEnvironment(patience: number): EnvHttpProxyAgent {
  try {
    return new EnvHttpProxyAgent({
      ...proxyOf('httpProxy', 'HTTP_PROXY'),
      ...proxyOf('httpsProxy', 'HTTPS_PROXY'),
      connect: { timeout: 1000 * patience },
      bodyTimeout: 0,
    });
  } catch (cause) {
    throw new FileError('file.proxy', `the proxy in the environment cannot be used: ${reasonOf(cause)}`, {
      hint: 'write HTTP_PROXY and HTTPS_PROXY like http://user:password@host:port, or unset them',
      cause,
    });
  }
}

/** A proxy of the environment; `host:port` alone is understood, as curl does. */
function proxyOf(option: 'httpProxy' | 'httpsProxy', name: string): Partial<Record<typeof option, string>> {
  const value = process.env[name.toLowerCase()] || process.env[name];
  return value ? { [option]: value.includes('://') ? value : `http://${value}` } : {};
}

/** A request that failed on the way. */
export const unreachable = (url: string, what: string, cause?: unknown): FileError =>
  new FileError('file.download', `${hostOf(url)}: ${what}`, {
    where: url,
    hint: 'check the network connection; a proxy is named by HTTPS_PROXY, hosts that need none by NO_PROXY',
    cause,
  });

const rateLimit = (url: string, seconds: number | undefined, cause: unknown): FileError =>
  new FileError(
    'file.rate-limit',
    `${hostOf(url)} has had too many requests from here${seconds ? ` and asks to wait ${Math.ceil(seconds)} seconds` : ''}`,
    {
      where: url,
      hint: 'wait and start again: what was downloaded is kept. The Hugging Face hub grants more to requests with a token (HF_TOKEN)',
      cause,
    },
  );

/** Seconds that a server asks to wait: Retry-After (seconds or a date; RFC 9110 §10.2.3), else `t` of RateLimit. */
function secondsAsked(headers: Headers): number | undefined {
  const after = headers.get('retry-after');
  if (after !== null) {
    const seconds = /^\d+$/.test(after) ? Number(after) : (Date.parse(after) - Date.now()) / 1000;
    if (Number.isFinite(seconds)) return Math.max(0, seconds);
  }
  const reset = /;\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return reset === undefined ? undefined : Number(reset);
}

/** An abort signal that fires when the caller's does, or when the allowed time passes without a new `allow`. */
function watchdog(seconds: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  let allowed = seconds;
  let timer = setTimeout(abort, 1000 * seconds);
  outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    seconds: () => allowed,
    allow(next: number) {
      allowed = next;
      clearTimeout(timer);
      timer = setTimeout(abort, 1000 * next);
    },
    stop() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** fetch hides the reason ("fetch failed") in causes of causes: the innermost tells it. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause);
  return error instanceof Error ? error.message : String(error);
}

const hostOf = (url: string): string => {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
};
