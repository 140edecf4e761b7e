import type { GgufInput } from '@starling/gguf';

/** The bytes of a model: a Blob (a File that a user chose), a buffer, or any source that can be read at a place. */
export interface ModelData {
  /** One file, or all parts of a split one in order. */
  readonly data: GgufInput | readonly GgufInput[];
}
