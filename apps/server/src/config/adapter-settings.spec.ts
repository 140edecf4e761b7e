import { adaptersOf } from './adapter-settings.js';
import { resolveConfig } from './resolve-config.js';

const adaptersFor = (flags: Parameters<typeof resolveConfig>[0]['flags']) =>
  adaptersOf(resolveConfig({ flags, environment: {} }));

describe('adapters on the command line', () => {
  it('are files with their scales, in the order in which they were given', () => {
    expect(
      adaptersFor({
        lora: ['a.gguf,C:\\b.gguf:-0.5', 'c:2'],
        controlVector: ['calm.gguf:.25'],
        controlVectorLayerRange: '3-9',
      }),
    ).toEqual([
      { source: 'a.gguf', id: 'lora 0', scale: 1 },
      { source: 'C:\\b.gguf', id: 'lora 1', scale: -0.5 },
      { source: 'c', id: 'lora 2', scale: 2 },
      { source: 'calm.gguf', id: 'control vector 0', scale: 0.25, layers: [3, 9] },
    ]);
    expect(adaptersFor({})).toEqual([]);
  });

  it('can be loaded without a part in what is said', () => {
    expect(adaptersFor({ lora: ['a.gguf:3'], loraInitWithoutApply: true })).toEqual([
      { source: 'a.gguf', id: 'lora 0', scale: 0 },
    ]);
  });

  it.each([
    [{ lora: ['a.gguf,'] }],
    [{ controlVectorLayerRange: '3' }],
    [{ controlVectorLayerRange: '0-3' }],
    [{ controlVectorLayerRange: '5-3' }],
    [{ controlVectorLayerRange: [1] }],
  ])('refuses %j', (flags) => {
    expect(() => adaptersFor(flags)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
