import type { TokenModel } from '../model/token-model.js';
import type { TokenSink } from '../model/token-sink.js';
import { TEXT_START } from '../text/utf8.js';
import type { AddedTokens } from './added-tokens.js';
import { NormalizedText } from './normalized-text.js';
import type { Pieces, PieceStep } from './piece-steps.js';
import type { TextEdit } from './text-edit.js';

/** Encodes one piece of text that has been normalized and cut. */
export interface PieceModel {
  /** Most ids that one byte of text can become. */
  readonly maxTokensPerByte: number;
  /** Writes the ids of a piece, for which there is room. */
  encodeWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void;
}

/** What happens to a text before its pieces are encoded. */
export interface PipelineParts {
  readonly edits: readonly TextEdit[];
  readonly steps: readonly PieceStep[];
  /** Tokens that are looked for in the normalized text. */
  readonly addedTokens: AddedTokens;
}

/** Normalizes, cuts and encodes, with a copy of the text that knows its origins: for what splitters alone cannot do. */
export class TextPipeline implements TokenModel {
  constructor(
    private readonly model: PieceModel,
    private readonly parts: PipelineParts,
  ) {}

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    let text = NormalizedText.of(bytes, start, end);
    for (const edit of this.parts.edits) text = edit(text);
    const fragments = this.parts.addedTokens.split(text.bytes, TEXT_START, text.length, sink.parsesSpecial);
    if (fragments === undefined) {
      this.encodePieces({ text, ranges: text.length > TEXT_START ? [TEXT_START, text.length] : [] }, sink);
      return;
    }
    for (const { start: from, end: to, id } of fragments) {
      if (id < 0) this.encodePieces({ text, ranges: [from, to] }, sink);
      else sink.pushWithRoom(id, text.starts[from], text.ends[to - 1]);
    }
  }

  private encodePieces(whole: Pieces, sink: TokenSink): void {
    let pieces = whole;
    for (const step of this.parts.steps) pieces = step(pieces);
    const { text, ranges } = pieces;
    const before = sink.count;
    sink.reserve((text.length - TEXT_START) * this.model.maxTokensPerByte);
    for (let i = 0; i < ranges.length; i += 2) this.model.encodeWord(text.bytes, ranges[i], ranges[i + 1], sink);
    sink.mapRanges(before, text);
  }
}
