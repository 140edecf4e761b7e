import { Utf8StreamingDecoder } from './decode/streaming-decoder.js';
import { CleaningDecoder, cleanSpaces } from './decode/clean-spaces.js';
import type { DecodeSource } from './decode/token-renderer.js';
import type { Partition } from './model/special-partition.js';
import type { TokenModel } from './model/token-model.js';
import { ResultPool } from './model/result-pool.js';
import { TokenSink } from './model/token-sink.js';
import { TEXT_START, Utf8Scratch, utf8Text } from './text/utf8.js';
import type {
  DecodeOptions,
  EncodeOptions,
  Encoding,
  SpecialTokens,
  StreamingDecoder,
  Tokenizer,
  TokenizerKind,
} from './tokenizer.js';
import type { Vocabulary } from './vocabulary/vocabulary.js';
import { CONTROL, UNKNOWN } from './vocabulary/vocabulary.js';

/** What a tokenizer is put together from. */
export interface TokenizerParts {
  readonly kind: TokenizerKind;
  readonly vocabulary: Vocabulary;
  readonly model: TokenModel;
  readonly special: SpecialTokens;
  readonly partition: Partition;
  readonly renderer: DecodeSource;
  /** Tokens that `addSpecial` puts in front and behind. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Encoding puts a space before a text, so decoding takes it away. */
  readonly stripsSpace: boolean;
  readonly cleansSpaces: boolean;
}

const NOTHING = new Uint8Array(0);

/** A tokenizer over a vocabulary: special tokens are cut out of the text, a model encodes what lies between them. */
export class VocabularyTokenizer implements Tokenizer {
  private readonly scratch = new Utf8Scratch();
  private readonly sink = new TokenSink();
  private readonly results = new ResultPool();

  constructor(private readonly parts: TokenizerParts) {}

  get vocabSize(): number {
    return this.parts.vocabulary.size;
  }

  get kind(): TokenizerKind {
    return this.parts.kind;
  }

  get special(): SpecialTokens {
    return this.parts.special;
  }

  encode(text: string, options: EncodeOptions = {}): Uint32Array {
    this.run(text, options, false);
    return this.takeIds();
  }

  encodeWithOffsets(text: string, options: EncodeOptions = {}): Encoding {
    this.run(text, options, true);
    const offsets = this.results.copy(this.sink.offsets, this.sink.count * 2, TEXT_START);
    return { ids: this.takeIds(), offsets };
  }

  encodeBatch(texts: readonly string[], options: EncodeOptions = {}): Uint32Array[] {
    return texts.map((text) => this.encode(text, options));
  }

  countTokens(text: string, options: EncodeOptions = {}): number {
    this.run(text, options, false);
    const { count } = this.sink;
    this.sink.release();
    return count;
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const { renderer } = this.parts;
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const bytes = renderer.bytesOf(ids[i]);
      if (options.skipSpecial && renderer.isSpecial(ids[i])) continue;
      pieces.push(bytes);
      length += bytes.length;
    }
    const joined = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    const strip = this.stripsSpace(options) && pieces.length > 0 && pieces[0][0] === 0x20;
    const text = utf8Text(strip ? joined.subarray(1) : joined);
    return (options.cleanSpaces ?? this.parts.cleansSpaces) ? cleanSpaces(text) : text;
  }

  createDecoder(options: DecodeOptions = {}): StreamingDecoder {
    const decoder = new Utf8StreamingDecoder(
      this.parts.renderer,
      options.skipSpecial ?? false,
      this.stripsSpace(options),
    );
    return (options.cleanSpaces ?? this.parts.cleansSpaces) ? new CleaningDecoder(decoder) : decoder;
  }

  tokenBytes(id: number): Uint8Array {
    const bytes = this.parts.renderer.bytesOf(id);
    return this.parts.renderer.isSpecial(id) ? NOTHING : bytes;
  }

  tokenText(id: number): string {
    this.parts.renderer.bytesOf(id);
    return this.parts.vocabulary.texts.at(id);
  }

  idOf(piece: string): number | undefined {
    return this.parts.vocabulary.idOf(piece);
  }

  isControl(id: number): boolean {
    return this.parts.vocabulary.has(id, CONTROL | UNKNOWN);
  }

  isEndOfGeneration(id: number): boolean {
    return this.parts.special.endOfGeneration.has(id);
  }

  private stripsSpace(options: DecodeOptions): boolean {
    return this.parts.stripsSpace && !options.continuation;
  }

  /** Leaves the ids of a text in the sink. */
  private run(text: string, options: EncodeOptions, withOffsets: boolean): void {
    const { sink, scratch } = this;
    const { model, partition, before, after } = this.parts;
    const end = scratch.write(text);
    const { bytes } = scratch;
    const parsesSpecial = options.parseSpecial ?? false;
    sink.begin(withOffsets, parsesSpecial);
    if (options.addSpecial) for (const id of before) sink.pushWithRoom(id, TEXT_START, TEXT_START);
    const fragments = partition.split(bytes, TEXT_START, end, parsesSpecial);
    let first = options.continuation !== true;
    if (fragments === undefined) {
      if (end > TEXT_START) model.encode(bytes, TEXT_START, end, first, sink);
    } else {
      for (const fragment of fragments) {
        if (fragment.id >= 0) sink.pushWithRoom(fragment.id, fragment.start, fragment.end);
        else model.encode(bytes, fragment.start, fragment.end, first, sink);
        first = fragment.id >= 0;
      }
    }
    if (options.addSpecial) for (const id of after) sink.pushWithRoom(id, end, end);
    scratch.release();
  }

  private takeIds(): Uint32Array {
    const ids = this.results.copy(this.sink.ids, this.sink.count, 0);
    this.sink.release();
    return ids;
  }
}
