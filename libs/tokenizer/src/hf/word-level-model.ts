import type { TokenSink } from '../model/token-sink.js';
import type { Vocabulary } from '../vocabulary/vocabulary.js';
import type { PieceModel } from './text-pipeline.js';

/** Each piece is an entry, or unknown. */
export class WordLevelModel implements PieceModel {
  readonly maxTokensPerByte = 1;

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly unknown: number | undefined,
  ) {}

  encodeWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void {
    const id = this.vocabulary.find(bytes, start, end);
    if (id >= 0) sink.push(id, start, end);
    else if (this.unknown !== undefined) sink.push(this.unknown, start, end);
  }
}
