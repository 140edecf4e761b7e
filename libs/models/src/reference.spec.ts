import fc from 'fast-check';
import { chooseHubFile, parseReference, partNames } from './reference.js';

describe('model names', () => {
  it.each([
    ['hf:owner/repo', { kind: 'hub', owner: 'owner', repo: 'repo' }],
    ['hf:owner/re.po-1:Q4_K_M', { kind: 'hub', owner: 'owner', repo: 're.po-1', quant: 'Q4_K_M' }],
    ['https://example.org/a%20b.gguf?x=1', { kind: 'url', url: 'https://example.org/a%20b.gguf?x=1' }],
    ['models/a.gguf', { kind: 'file', path: 'models/a.gguf' }],
    ['C:\\models\\a.gguf', { kind: 'file', path: 'C:\\models\\a.gguf' }],
  ])('%s', (name, expected) => expect(parseReference(name)).toEqual(expected));

  it.each([
    '',
    '  ',
    'hf:',
    'hf:owner',
    'hf:../repo',
    'hf:a/b:c:d',
    'hf:a/b/c',
    'http://',
    'http://../a.gguf',
    'http://./a.gguf',
    'https://user:secret@h/a.gguf',
    'a\0b',
  ])('refuses %j', (name) => {
    expect(() => parseReference(name)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('does not repeat a password', () => {
    expect(() => parseReference('https://user:secret@h/a.gguf?key=secret')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });

  it('never lets a hub name leave its folder', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        let reference;
        try {
          reference = parseReference(`hf:${text}`);
        } catch {
          return;
        }
        if (reference.kind === 'hub')
          expect([reference.owner, reference.repo].every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part))).toBe(
            true,
          );
      }),
    );
  });
});

describe('files of a hub repository', () => {
  const files = [
    'README.md',
    'm-Q8_0.gguf',
    'm-Q4_K_M.gguf',
    'm-Q4_K_S.gguf',
    'm.Q4_0.gguf',
    'mmproj-m-F16.gguf',
    'big/m-BF16-00001-of-00002.gguf',
    'big/m-BF16-00002-of-00002.gguf',
  ];

  it.each([
    [undefined, 'm-Q4_K_M.gguf'],
    ['Q8_0', 'm-Q8_0.gguf'],
    ['q4_0', 'm.Q4_0.gguf'],
    ['Q4_K_S', 'm-Q4_K_S.gguf'],
    ['BF16', 'big/m-BF16-00001-of-00002.gguf'],
    ['Q4_K', undefined],
    ['F16', undefined],
  ])('quantization %s is %s', (quant, expected) => expect(chooseHubFile(files, quant)).toBe(expected));

  it('falls back to any model, and to nothing', () => {
    expect(chooseHubFile(['weird.gguf', 'x.txt'])).toBe('weird.gguf');
    expect(chooseHubFile(['x.txt'])).toBeUndefined();
  });

  it('names the parts of a split file', () => {
    expect(partNames('m-00001-of-00003.gguf')).toEqual([
      'm-00001-of-00003.gguf',
      'm-00002-of-00003.gguf',
      'm-00003-of-00003.gguf',
    ]);
    expect(partNames('m.gguf')).toEqual(['m.gguf']);
  });
});
