import { GgufBytes, TYPE } from '../test/gguf-bytes.js';
import { MemorySink } from '../test/fixture-tensors.js';
import { openGguf } from './open.js';
import type { GgufValue } from './values.js';
import { GgufWriter } from './writer.js';

const HOSTILE = 'a\u001b[2J\u0000\r\u009b\u202e\u007fz';
// Any control, and the marks that turn the direction of text.
const control = /[\p{Cc}\u202a-\u202e]/u;

async function messageOfOpening(file: GgufBytes): Promise<string> {
  return openGguf(file.align().build()).then(
    () => 'opened',
    (error: Error) => error.message,
  );
}

describe('text of a file in messages', () => {
  const entries = (count: number): GgufBytes => GgufBytes.header({ tensors: 0, entries: count });

  it.each([
    ['a key', () => entries(2).key(HOSTILE, TYPE.u8).u8(1).key(HOSTILE, TYPE.u8).u8(1)],
    ['a value', () => entries(1).key('general.alignment', TYPE.string).string(HOSTILE)],
    ['a number of parts', () => entries(1).key('split.count', TYPE.string).string(HOSTILE)],
    [
      'a tensor',
      () => GgufBytes.header({ tensors: 2, entries: 0 }).tensor(HOSTILE, [1], 0, 0).tensor(HOSTILE, [1], 0, 32),
    ],
  ])('holds nothing that a terminal obeys: %s', async (_name, build) => {
    const message = await messageOfOpening(build());
    expect(message).toContain('\\u001b');
    expect(message).not.toMatch(control);
  });

  it('of a key asked for holds nothing that a terminal obeys', async () => {
    const model = await openGguf(entries(1).key(HOSTILE, TYPE.u8).u8(1).align().build());
    expect(() => model.string(HOSTILE)).toThrow(/\\u001b/);
    expect(() => model.tensor(HOSTILE)).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(control) }),
    );
  });

  it('says that names are not UTF-8, instead of taking two for one', async () => {
    const key = (last: number): number[] => [0x61, last];
    const file = entries(2);
    for (const last of [0xff, 0xfe]) file.size(2).bytes(key(last)).u32(TYPE.u8).u8(1);
    expect(await messageOfOpening(file)).toMatch(/metadata key 1 of 2 is not UTF-8/);
  });
});

describe('an alignment', () => {
  it.each([
    [
      'text',
      (file: GgufBytes) => file.key('general.alignment', TYPE.string).string('32'),
      /general\.alignment is "32" \(string\); a power of two .* as an integer/,
    ],
    [
      'a float',
      (file: GgufBytes) => file.key('general.alignment', TYPE.f32).u32(0x42000000),
      /general\.alignment is 32 \(f32\); .* as an integer/,
    ],
  ])('is refused as %s, with the type that it has', async (_name, add, message) => {
    expect(await messageOfOpening(add(GgufBytes.header({ tensors: 0, entries: 1 })))).toMatch(message);
  });
});

describe('parts of a split model', () => {
  const part = (number: number, tensors: number, declared: number): Uint8Array => {
    const file = GgufBytes.header({ tensors, entries: 3 })
      .key('split.no', TYPE.u32)
      .u32(number)
      .key('split.count', TYPE.u32)
      .u32(2)
      .key('split.tensors.count', TYPE.u32)
      .u32(declared);
    for (let i = 0; i < tensors; i++) file.tensor(`t${number}.${i}`, [8], 0, 32 * i);
    return file
      .align()
      .bytes(new Array<number>(32 * tensors).fill(0))
      .build();
  };
  const named = (name: string, bytes: Uint8Array) => ({
    name,
    size: bytes.length,
    read: async (offset: number, into: Uint8Array) => into.set(bytes.subarray(offset, offset + into.length)),
    close: async () => {},
  });

  it('open together', async () => {
    expect((await openGguf([named('one', part(0, 1, 2)), named('two', part(1, 1, 2))])).tensors.size).toBe(2);
  });

  it('are blamed themselves if they are of another model', async () => {
    await expect(openGguf([named('one', part(0, 1, 2)), named('two', part(1, 2, 3))])).rejects.toThrow(
      /^two: is a part of another model/,
    );
    await expect(openGguf([named('one', part(0, 1, 2)), named('two', part(1, 2, 2))])).rejects.toThrow(
      /do not belong together.*one holds 1, two holds 2/,
    );
  });
});

describe('arrays in arrays', () => {
  it('are refused beyond a few levels, read and written', async () => {
    const file = GgufBytes.header({ tensors: 0, entries: 1 }).key('deep', TYPE.array);
    for (let level = 0; level < 100_000; level++) file.u32(TYPE.array).size(1);
    expect(await messageOfOpening(file)).toMatch(/nests arrays more than 4 deep/);
    let value: GgufValue = Int32Array.of(1);
    for (let level = 0; level < 100_000; level++) value = [value];
    expect(() => new GgufWriter(new MemorySink()).setMetadata('deep', value)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('numbers without a type', () => {
  const types = async (set: (writer: GgufWriter) => void): Promise<unknown> => {
    const sink = new MemorySink();
    const writer = new GgufWriter(sink);
    set(writer);
    await writer.finish();
    return Object.fromEntries((await openGguf(sink.bytes())).metadataTypes);
  };

  it('are floats where the format has floats, also if they are whole', async () => {
    expect(
      await types((writer) => {
        writer.setMetadata('llama.rope.freq_base', 10000.0);
        writer.setMetadata('llama.block_count', 4);
        writer.setMetadata('own.ratio', 0.5);
        writer.setMetadata('own.ratio', 1.0);
        writer.setMetadata('own.said', 2, 'f32');
      }),
    ).toEqual({ 'llama.rope.freq_base': 'f32', 'llama.block_count': 'u32', 'own.ratio': 'f32', 'own.said': 'f32' });
  });
});
