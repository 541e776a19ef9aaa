/** @file Writing a zip archive of stored members, one after another, whatever its size. */
import { Zip, ZipPassThrough } from 'fflate';
import { writeAtomically } from './atomic.ts';

/**
 * Writes members under their names, not compressed; the file appears under `path` only when it is whole.
 * @throws FileError `disk.full`, `disk.read-only`, `file.failed`
 */
export async function writeZip(
  path: string,
  members: Iterable<readonly [name: string, bytes: Uint8Array]>,
): Promise<void> {
  await writeAtomically(path, async (file) => {
    const pieces: Uint8Array[] = [];
    const zip = new Zip((error, piece) => {
      if (error) throw error;
      pieces.push(piece);
    });
    const flush = async () => {
      for (const piece of pieces.splice(0)) await file.writeFile(piece);
    };
    for (const [name, bytes] of members) {
      const member = new ZipPassThrough(name);
      // The same content gives the same file.
      member.mtime = new Date(1980, 0, 1);
      zip.add(member);
      member.push(bytes, true);
      await flush();
    }
    zip.end();
    await flush();
  });
}
