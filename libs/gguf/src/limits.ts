/**
 * What the reader accepts at most. Each limit keeps a hostile file from costing memory or time out of proportion to its size;
 * each is far above what real files hold.
 */
export const LIMITS = {
  /** Bytes of header (metadata and tensor table) in one file. The largest vocabularies with merges and scores need about 30 MB. */
  headerBytes: 2 ** 30,
  /** Metadata entries. Real files have fewer than 100; each costs an entry in a map. */
  metadataEntries: 2 ** 16,
  /** Bytes of a metadata key: the format's own bound. */
  keyBytes: 2 ** 16 - 1,
  /** Bytes of one string. Chat templates, the longest strings of real files, stay below 1 MB. */
  stringBytes: 2 ** 26,
  /** Truth values in one array: each byte of the file becomes an element of eight. Real files have one a layer. */
  booleanArrayLength: 2 ** 20,
  /** Arrays inside of one array: each becomes an object. No known writer nests arrays at all. */
  nestedArrays: 2 ** 16,
  /** Levels of arrays in arrays. */
  arrayDepth: 4,
  /** Tensors in one file. Mixtures of experts stored one expert a tensor reach about 30,000. */
  tensors: 2 ** 20,
  /** Bytes of a tensor name: llama.cpp keeps names in 64 bytes with a closing zero. */
  tensorNameBytes: 63,
  /** Dimensions of a tensor: the format's own bound. */
  dimensions: 4,
  /** Largest `general.alignment`; real files use 32, and some 4096 or a huge page. */
  alignment: 2 ** 30,
  /** Parts of a split model: five digits are what its file names have room for. */
  parts: 99_999,
} as const;
