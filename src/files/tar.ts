/** @file Members of a .tar.gz archive (an npm package), held in memory; a lying header is refused. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { FileError } from '../core/errors.ts';
import { errnoOf, fileFailure } from './failures.ts';

/** An archive that unpacks to more than this is refused. */
const largest = 2 ** 29;

/**
 * The plain files of a gzipped tar (POSIX ustar, pax names), by name; links and folders are passed over.
 * @throws FileError `file.tar` (damaged, cut short or of another kind), `file.missing`
 */
export async function readTarGz(path: string): Promise<Map<string, Uint8Array>> {
  const damaged = (what: string) =>
    new FileError('file.tar', `${path} is not a whole .tar.gz archive: ${what}`, {
      where: path,
      hint: 'the file was cut short or is of another kind; fetch it again',
    });
  let bytes: Buffer;
  try {
    bytes = gunzipSync(await readFile(path), { maxOutputLength: largest });
  } catch (error) {
    if (errnoOf(error)?.startsWith('Z_') || errnoOf(error) === 'ERR_BUFFER_TOO_LARGE')
      throw damaged((error as Error).message);
    throw fileFailure(error, path, 'cannot read');
  }
  const members = new Map<string, Uint8Array>();
  let longName: string | undefined;
  for (let at = 0; ; ) {
    if (at + 512 > bytes.length) throw damaged('it has no end mark');
    const header = bytes.subarray(at, at + 512);
    if (header.every((byte) => byte === 0)) return members;
    const size = Number.parseInt(field(header, 124, 12), 8);
    if (Number.parseInt(field(header, 148, 8), 8) !== checksum(header) || !(size >= 0))
      throw damaged(`the header at byte ${at} has a wrong checksum`);
    if (at + 512 + size > bytes.length) throw damaged('a member is longer than the archive');
    const content = bytes.subarray(at + 512, at + 512 + size);
    const kind = field(header, 156, 1);
    const prefix = field(header, 345, 155);
    if (kind === 'x') longName = /^\d+ path=(.*)$/m.exec(content.toString('utf8'))?.[1];
    else {
      if (kind === '' || kind === '0')
        members.set(longName ?? (prefix ? `${prefix}/` : '') + field(header, 0, 100), content);
      longName = undefined;
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Text of a header field, up to its first zero byte. */
const field = (header: Buffer, from: number, length: number): string =>
  header
    .toString('utf8', from, from + length)
    .replace(/\0.*$/s, '')
    .trim();

/** Sum of the header's bytes with the checksum field itself taken as spaces. */
const checksum = (header: Buffer): number =>
  header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
