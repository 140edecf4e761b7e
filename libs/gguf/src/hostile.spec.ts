import { GgufBytes, TYPE, smallFile } from '../test/gguf-bytes.js';
import { blobSource, memorySource, type ByteSource } from './byte-source.js';
import { LIMITS } from './limits.js';
import { openGguf } from './open.js';

const entries = (count: number | bigint, tensors: number | bigint = 0): GgufBytes =>
  GgufBytes.header({ tensors, entries: count });
const oneTensor = (shape: readonly (number | bigint)[], type: number, offset: number | bigint, data = 64): Uint8Array =>
  entries(0, 1).tensor('t', shape, type, offset).align().zeros(data).build();
const strings = (count: number | bigint): GgufBytes => entries(1).key('k', TYPE.array).u32(TYPE.string).size(count);

/** A file that claims to be of some size: reads beyond its bytes give zeros. */
function sparse(bytes: Uint8Array, size: number): ByteSource & { largestRead: number } {
  return {
    name: 'sparse',
    size,
    largestRead: 0,
    async read(offset, into) {
      this.largestRead = Math.max(this.largestRead, into.length);
      into.fill(0);
      into.set(bytes.subarray(offset, offset + into.length));
    },
    async close() {},
  };
}

describe('a file that is not what it should be', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['is empty', new Uint8Array(0), /not a GGUF file: it has 0 bytes/],
    ['has another magic', new TextEncoder().encode('PK\x03\x04 and more'), /not a GGUF file: it starts with "PK/],
    [
      'has a future version',
      GgufBytes.header({ tensors: 0, entries: 0 }, { version: 4 }).build(),
      /GGUF version 4; versions 1 to 3/,
    ],
    ['has version 0', GgufBytes.header({ tensors: 0, entries: 0 }, { version: 0 }).build(), /GGUF version 0/],
    ['ends in its counts', smallFile().subarray(0, 12), /number of tensors needs 8 bytes but the file has 4 left/],
    [
      'declares more tensors than it has room for',
      entries(0, 1000).zeros(32).build(),
      /declares 1000 tensors and 0 metadata entries, more than its/,
    ],
    [
      'declares 2^63 tensors',
      entries(0, 2n ** 63n)
        .zeros(99)
        .build(),
      /number of tensors is 9223372036854775808, more than/,
    ],
    [
      'declares 2^53 metadata entries',
      entries(2n ** 53n)
        .zeros(99)
        .build(),
      /number of metadata entries is 9007199254740992/,
    ],
    [
      'has a longer key than the format allows',
      entries(1).size(65536).zeros(70_000).build(),
      /length of metadata key 1 of 1 is 65536, more than the 65535/,
    ],
    ['has an empty key', entries(1).string('').u32(TYPE.u8).u8(1).zeros(9).build(), /key 1 of 1 is empty/],
    [
      'has a key twice',
      entries(2).key('k', TYPE.u8).u8(1).key('k', TYPE.u8).u8(2).zeros(9).build(),
      /"k" occurs twice/,
    ],
    [
      'has a string longer than itself',
      entries(1).key('k', TYPE.string).size(1000).raw('short').build(),
      /value of "k" needs 1000 bytes but the file has 5 left/,
    ],
    [
      'has a string of 2^64 - 1 bytes',
      entries(1)
        .key('k', TYPE.string)
        .size(2n ** 64n - 1n)
        .raw('short')
        .build(),
      /length of the value of "k" is 18446744073709551615/,
    ],
    ['has an unknown value type', entries(1).key('k', 13).zeros(9).build(), /value of "k" has the unknown type 13/],
    ['has an array of an unknown type', entries(1).key('k', TYPE.array).u32(99).zeros(9).build(), /unknown type 99/],
    [
      'has a longer array than its bytes can hold',
      entries(1).key('k', TYPE.array).u32(TYPE.f64).size(1000).zeros(80).build(),
      /1000 elements, more than the 80 bytes left/,
    ],
    [
      'has an array of 2^31 strings',
      strings(2 ** 31)
        .zeros(99)
        .build(),
      /2147483648 elements/,
    ],
    [
      'has an array of 2^61 numbers',
      entries(1)
        .key('k', TYPE.array)
        .u32(TYPE.u64)
        .size(2n ** 61n)
        .zeros(9)
        .build(),
      /array length of the value of "k" is 2305843009213693952/,
    ],
    [
      'has an array whose string is cut',
      strings(2).string('abc').size(50).raw('xy').build(),
      /string 2 of 2 in the value of "k" needs 58 bytes/,
    ],
    [
      'has an array whose string has 2^40 bytes',
      strings(2)
        .string('abc')
        .size(2 ** 40)
        .raw('xy')
        .build(),
      /string 2 of 2 in the value of "k" is 1099511627776, more than/,
    ],
    [
      'nests arrays without end',
      Array.from({ length: 100 })
        .reduce<GgufBytes>((file) => file.u32(TYPE.array).size(1), entries(1).key('k', TYPE.array))
        .build(),
      /nests arrays more than 4 deep/,
    ],
    [
      'nests more arrays than makes sense',
      entries(1)
        .key('k', TYPE.array)
        .u32(TYPE.array)
        .size(2 ** 17)
        .zeros(12 * 2 ** 17)
        .build(),
      /holds 131072 arrays/,
    ],
    [
      'has an alignment of 0',
      entries(1).key('general.alignment', TYPE.u32).u32(0).build(),
      /general\.alignment is 0 \(u32\); a power of two/,
    ],
    [
      'has an alignment of 48',
      entries(1).key('general.alignment', TYPE.u32).u32(48).build(),
      /general\.alignment is 48/,
    ],
    [
      'has a string as alignment',
      entries(1).key('general.alignment', TYPE.string).string('32').build(),
      /general\.alignment is "32" \(string\); a power/,
    ],
    [
      'has a long tensor name',
      entries(0, 1).tensor('n'.repeat(64), [1], 0, 0).align().zeros(32).build(),
      /length of the name of tensor 1 of 1 is 64, more than the 63/,
    ],
    [
      'has a tensor twice',
      entries(0, 2).tensor('t', [1], 0, 0).tensor('t', [1], 0, 32).align().zeros(64).build(),
      /tensor "t" occurs twice/,
    ],
    ['has five dimensions', oneTensor([1, 1, 1, 1, 1], 0, 0), /5 dimensions; at most 4/],
    ['has a dimension of 2^63', oneTensor([2n ** 63n], 0, 0), /dimension 1 of tensor "t" is 9223372036854775808/],
    [
      'has dimensions whose product overflows',
      oneTensor([2n ** 40n, 2n ** 40n], 0, 0),
      /shape 1099511627776 x 1099511627776 is larger than any file/,
    ],
    ['has an unknown block format', oneTensor([32], 43, 0), /tensor "t" has the unknown block format 43/],
    ['has a block format of old', oneTensor([32], 31, 0), /block format Q4_0_4_4 \(31\), which was taken out/],
    [
      'has rows that are no whole blocks',
      oneTensor([33], 2, 0),
      /rows of 33 values, which is no multiple of the 32 in a block of Q4_0/,
    ],
    ['has a misaligned tensor', oneTensor([4], 0, 16), /tensor "t" starts at 16, which is not aligned to 32/],
    [
      'is cut short in its tensors',
      smallFile().subarray(0, smallFile().length - 60),
      /tensor "three" \(I8, \) ends at byte|tensor "two" \(Q4_0, 32 x 3\) ends at byte \d+, but the file has \d+/,
    ],
    [
      'has a tensor that starts beyond its end',
      oneTensor([4], 0, 2n ** 40n),
      /ends at byte 1099511627\d+, but the file has/,
    ],
    ['has an offset of 2^64 - 32', oneTensor([4], 0, 2n ** 64n - 32n), /offset of tensor "t" is 18446744073709551584/],
    [
      'has tensors that overlap',
      entries(0, 2).tensor('a', [16], 0, 0).tensor('b', [4], 0, 32).align().zeros(64).build(),
      /tensors "a" and "b" overlap/,
    ],
    [
      'is a part of a split model',
      entries(1).key('split.count', TYPE.u32).u32(3).build(),
      /one of 3 parts of a split model; 1 was given/,
    ],
    [
      'has a senseless number of parts',
      entries(1).key('split.count', TYPE.string).string('x').build(),
      /split\.count is "x"/,
    ],
  ])('%s: one clear error', async (_, bytes, message) => {
    const error: unknown = await openGguf(memorySource(bytes, 'bad.gguf')).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'invalid_model_file', message: expect.stringMatching(/^bad\.gguf: /) });
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });

  it('costs no memory for sizes that a huge file would justify', async () => {
    const cases = [
      strings(2n ** 28n),
      entries(1)
        .key('k', TYPE.array)
        .u32(TYPE.f64)
        .size(2n ** 32n),
      entries(1)
        .key('k', TYPE.array)
        .u32(TYPE.bool)
        .size(2n ** 33n),
      entries(1)
        .key('k', TYPE.string)
        .size(2n ** 27n),
      entries(1)
        .key('k', TYPE.array)
        .u32(TYPE.array)
        .size(2n ** 30n),
    ];
    for (const file of cases) {
      const source = sparse(file.build(), 2 ** 40);
      await expect(openGguf(source)).rejects.toMatchObject({ code: 'invalid_model_file' });
      expect(source.largestRead).toBeLessThanOrEqual(2 ** 20);
    }
  });

  it('stays within the bound on headers', async () => {
    const source = sparse(entries(LIMITS.metadataEntries).build(), 2 ** 40);
    await expect(openGguf(source)).rejects.toMatchObject({ code: 'invalid_model_file' });
  });

  it('reports a Blob that cannot be read', async () => {
    const blob = new Blob([smallFile() as Uint8Array<ArrayBuffer>]);
    blob.slice = () => {
      throw new TypeError('gone');
    };
    await expect(openGguf(blobSource(blob))).rejects.toMatchObject({
      code: 'invalid_model_file',
      message: expect.stringContaining('gone'),
    });
  });
});
