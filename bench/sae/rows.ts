/** @file Rows of a raw file on memory that threads share, read piece by piece: no second copy lies beside them. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** float32 rows of `path`, at most `most` bytes of them. */
export function sharedRows(path: string, most = Number.POSITIVE_INFINITY): Float32Array {
  const bytes = Math.min(statSync(path).size, most);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes));
  const piece = new Uint8Array(1 << 20);
  const file = openSync(path, 'r');
  for (let at = 0; at < bytes; ) {
    const read = readSync(file, piece, 0, Math.min(piece.length, bytes - at), at);
    shared.set(piece.subarray(0, read), at);
    at += read;
  }
  closeSync(file);
  return new Float32Array(shared.buffer);
}
