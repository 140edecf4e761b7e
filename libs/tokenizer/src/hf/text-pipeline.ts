import type { TokenModel } from '../model/token-model.js';
import type { TokenSink } from '../model/token-sink.js';
import { RewrittenText } from '../text/rewritten-text.js';
import { TEXT_START } from '../text/utf8.js';
import { isSpaceMark } from '../vocabulary/canonical.js';
import type { AddedTokens } from './added-tokens.js';
import type { Pieces, PieceStep } from './piece-steps.js';
import type { CutStep } from './pre-tokenizers.js';
import { copyText, type TextEdit } from './text-edit.js';

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
  readonly cuts: readonly CutStep[];
  /** Tokens that are looked for in the normalized text. */
  readonly addedTokens: AddedTokens;
  /** U+2581 and a space are the same to the model. */
  readonly spaceMarks: boolean;
}

/** Normalizes, cuts and encodes, with a copy of the text that knows its origins: for what splitters alone cannot do. */
export class TextPipeline implements TokenModel {
  private readonly steps: readonly PieceStep[];

  constructor(
    private readonly model: PieceModel,
    private readonly parts: PipelineParts,
  ) {
    this.steps = parts.cuts.map((cut) => ('step' in cut ? cut.step : cutBy(cut)));
  }

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    let text = copyText(bytes, start, end);
    for (const edit of this.parts.edits) text = edit(text);
    const fragments = this.parts.addedTokens.split(text.bytes, TEXT_START, text.length, sink.parsesSpecial);
    if (fragments === undefined) {
      this.encodeText({ text, ranges: text.length > TEXT_START ? [TEXT_START, text.length] : [] }, sink);
      return;
    }
    for (const { start: from, end: to, id } of fragments) {
      if (id < 0) this.encodeText({ text, ranges: [from, to] }, sink);
      else sink.pushWithRoom(id, text.starts[from], text.ends[to - 1]);
    }
  }

  private encodeText(pieces: Pieces, sink: TokenSink): void {
    let current = pieces;
    for (const step of this.steps) current = step(current);
    if (this.parts.spaceMarks) current = marksToSpaces(current);
    const { text, ranges } = current;
    const before = sink.count;
    sink.reserve((text.length - TEXT_START) * this.model.maxTokensPerByte);
    for (let i = 0; i < ranges.length; i += 2) this.model.encodeWord(text.bytes, ranges[i], ranges[i + 1], sink);
    sink.mapRanges(before, text);
  }
}

function cutBy({ splitter }: Extract<CutStep, { splitter: unknown }>): PieceStep {
  return ({ text, ranges }) => {
    const result: number[] = [];
    for (let i = 0; i < ranges.length; i += 2) {
      const end = ranges[i + 1];
      splitter.begin?.(text.bytes, ranges[i], end);
      for (let at = ranges[i]; at < end; ) {
        const next = splitter.next(text.bytes, at, end);
        result.push(at, next);
        at = next;
      }
    }
    return { text, ranges: result };
  };
}

function marksToSpaces({ text, ranges }: Pieces): Pieces {
  const result = new RewrittenText();
  const moved: number[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    moved.push(result.length);
    for (let at = ranges[i]; at < ranges[i + 1]; at++) {
      const marked = isSpaceMark(text.bytes, at, ranges[i + 1]);
      result.push(marked ? 0x20 : text.bytes[at], text.starts[at], text.ends[marked ? at + 2 : at]);
      if (marked) at += 2;
    }
    moved.push(result.length);
  }
  return { text: result, ranges: moved };
}
