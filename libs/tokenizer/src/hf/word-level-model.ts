import type { TokenSink } from '../model/token-sink.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { PieceModel } from './text-pipeline.js';

/** Each piece is an entry, and no control token unless text may name those, or unknown. */
export class WordLevelModel implements PieceModel {
  readonly maxTokensPerByte = 1;

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly unknown: number,
  ) {}

  encodeWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void {
    const id = this.vocabulary.find(bytes, start, end);
    if (id >= 0 && (sink.parsesSpecial || !this.vocabulary.has(id, CONTROL))) sink.push(id, start, end);
    else sink.push(this.unknown, start, end);
  }
}
