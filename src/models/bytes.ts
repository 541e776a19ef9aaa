/** @file GPT-2's byte alphabet (Radford et al. 2019, encoder.py): every byte as one printable character. */

/** Character for each byte 0 … 255: printable ones stand for themselves, the others for U+0100 upwards. */
export const byteAlphabet: readonly string[] = (() => {
  const printable = (b: number) =>
    (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++));
})();

const byteOf: ReadonlyMap<string, number> = new Map(byteAlphabet.map((c, b) => [c, b]));

/** The bytes that a token in this alphabet stands for; undefined when it is written in another one. */
export function bytesOfToken(token: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = byteOf.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Bytes as text for the eye: whole UTF-8 characters as such, stray bytes as `<0xE2>`. */
export function showBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (b) =>
      b < 0x80 ? String.fromCharCode(b) : `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`,
    ).join('');
  }
}
