import fc from 'fast-check';
import { printable } from './printable.js';

describe('printable', () => {
  it('escapes what does something to a terminal', () => {
    expect(printable('a\u001b[31mb\u0000c\rd\ne\tf\u007f\u009bg')).toBe(
      'a\\u001b[31mb\\u0000c\\u000dd\\u000ae\\u0009f\\u007f\\u009bg',
    );
    expect(printable('\u202ecod\u2066\u200b\ufeff\u2028')).toBe('\\u202ecod\\u2066\\u200b\\ufeff\\u2028');
    expect(printable('\ud800x\u{e0001}')).toBe('\\ud800x\\u{e0001}');
  });

  it('leaves text of all languages as it is', () => {
    for (const text of ['', 'blk.0.attn_q.weight', 'Größe, 数, 🦊, नमस्ते', 'a\\b"c']) expect(printable(text)).toBe(text);
  });

  it('leaves nothing that is a control, whatever comes', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\u202a-\u202e]/u.test(printable(text))));
  });
});
