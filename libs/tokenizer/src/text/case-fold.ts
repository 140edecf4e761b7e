import { charClasses } from './char-class.js';

const cache = { lower: new Int32Array(0x10000), base: new Int32Array(0x10000) };

/** The lower-case form of a code point: one code point, by its own mapping. Unassigned ones stay as they are. */
export function toLower(cp: number): number {
  if (cp < 0x80) return cp >= 0x41 && cp <= 0x5a ? cp | 0x20 : cp;
  return cached(cache.lower, cp, (text) => text.toLowerCase());
}

/** The first code point of the canonical decomposition: the base letter without its accents. */
export function toBase(cp: number): number {
  return cp < 0x80 ? cp : cached(cache.base, cp, (text) => text.normalize('NFD'));
}

function cached(table: Int32Array, cp: number, change: (text: string) => string): number {
  if (cp < 0x10000 && table[cp] !== 0) return table[cp];
  // The class table fixes the Unicode version; what it does not know must not depend on the engine's.
  const result = charClasses()[cp] === 0 ? cp : (change(String.fromCodePoint(cp)).codePointAt(0) ?? cp);
  if (cp < 0x10000) table[cp] = result;
  return result;
}
