import fc from 'fast-check';
import { PackedStrings } from './packed-strings.js';

describe('PackedStrings', () => {
  it('gives back what it was made of', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (strings) => {
        const packed = PackedStrings.from(strings);
        expect(packed.length).toBe(strings.length);
        expect(packed.toArray()).toEqual(strings);
      }),
    );
  });

  it('keeps a byte order mark and shows malformed bytes as U+FFFD', () => {
    const packed = new PackedStrings(Uint8Array.of(0xef, 0xbb, 0xbf, 0xff), Uint32Array.of(0, 3, 4));
    expect(packed.toArray()).toEqual(['\ufeff', '\ufffd']);
  });
});
