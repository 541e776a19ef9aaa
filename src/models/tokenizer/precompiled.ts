/** @file Sentencepiece's compiled map of characters: a double-array trie over UTF-8 and the texts it points to. */

/**
 * The map of a `precompiled_charsmap` (base64): texts up to 5 bytes that are one grapheme are looked up whole, all else
 * character by character (sentencepiece, normalizer.cc; darts-clone's units; crate spm_precompiled for the graphemes).
 * @throws RangeError when the bytes are no such map
 */
export function precompiledMap(base64: string): (text: string) => string {
  const bytes = Buffer.from(base64, 'base64');
  const trieBytes = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
  if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length)
    throw new RangeError('its map of characters is cut short');
  const units = new Uint32Array(bytes.buffer.slice(bytes.byteOffset + 4, bytes.byteOffset + 4 + trieBytes));
  const texts = bytes.subarray(4 + trieBytes);
  const encoder = new TextEncoder();

  /** What the shortest known beginning of `key` becomes. */
  const lookUp = (key: Uint8Array): string | undefined => {
    let at = 0;
    let unit = units[at]!;
    at ^= offsetOf(unit);
    for (const byte of key) {
      if (byte === 0) return undefined;
      at ^= byte;
      unit = units[at] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
      at ^= offsetOf(unit);
      if ((unit >>> 8) & 1) {
        const start = (units[at] ?? 0) & 0x7fffffff;
        const end = texts.indexOf(0, start);
        return texts.subarray(start, end < 0 ? texts.length : end).toString('utf8');
      }
    }
    return undefined;
  };
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const known = new Map<string, string | undefined>();
  const map = (piece: string): string | undefined => {
    if (known.has(piece)) return known.get(piece);
    const to = lookUp(encoder.encode(piece));
    known.set(piece, to);
    return to;
  };
  return (text) => {
    let out = '';
    for (const { segment } of graphemes.segment(text)) {
      const whole = Buffer.byteLength(segment) < 6 ? map(segment) : undefined;
      if (whole !== undefined) out += whole;
      else for (const character of segment) out += map(character) ?? character;
    }
    return out;
  };
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
