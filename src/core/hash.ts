/** @file Content hashes: equal content, equal name. */
import { createHash } from 'node:crypto';

/** SHA-256 of bytes or text, in hex. */
export const sha256 = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** JSON with keys sorted at every level, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

/** Hash of any JSON-able value: the first 16 hex digits of the SHA-256 of its canonical JSON. */
export const contentHash = (value: unknown): string => sha256(canonicalJson(value)).slice(0, 16);
