import { StarlingError } from '@starling/core';
import type { Candidates } from '../candidates.js';
import type { SamplerStage, StageState } from '../stage.js';
import { VocabularyCache } from '../vocabulary-cache.js';
import type { SamplerVocabulary } from '../vocabulary.js';

const { max } = Math;

/** Texts of different requests whose tokens are remembered, for each vocabulary. */
const MAX_REMEMBERED = 64;

/** A text and the tokens that would complete it. */
interface BannedText {
  readonly bytes: Uint8Array;
  /** By the number of its bytes that the history ends with: the tokens that begin with the rest. At 0: those that contain it all. */
  readonly completing: readonly (readonly number[])[];
}

const bannedTexts = new VocabularyCache<BannedText>(MAX_REMEMBERED, findCompleting);

/**
 * Takes away the tokens that would complete one of the texts. What came before counts, the prompt too; a text that begins and does
 * not go on to its end is left alone.
 */
export class BannedStringsStage implements SamplerStage {
  readonly name = 'bannedStrings';
  /** The end of the history, at most as long as a text that is still to be completed can reach back. */
  private tail: number[] = [];
  private readonly texts: readonly BannedText[];
  private readonly tailBytes: number;

  /** @throws StarlingError invalid_argument if the vocabulary cannot say its tokens' bytes. */
  constructor(
    private readonly strings: readonly string[],
    private readonly vocabulary: SamplerVocabulary,
  ) {
    this.texts = strings.filter((text) => text !== '').map((text) => bannedTexts.get(text, vocabulary));
    this.tailBytes = max(0, ...this.texts.map(({ bytes }) => bytes.length - 1));
  }

  accept(id: number): void {
    const bytes = this.vocabulary.bytesOf?.(id) ?? [];
    for (const byte of bytes) this.tail.push(byte);
    if (this.tail.length > this.tailBytes) this.tail.splice(0, this.tail.length - this.tailBytes);
  }

  apply(candidates: Candidates): void {
    for (const { bytes, completing } of this.texts) {
      for (let matched = 0; matched < bytes.length; matched++) {
        if (this.endsWith(bytes, matched)) for (const id of completing[matched]) remove(candidates, id);
      }
    }
    candidates.sorted = false;
  }

  fork(): BannedStringsStage {
    const copy = new BannedStringsStage(this.strings, this.vocabulary);
    copy.tail = [...this.tail];
    return copy;
  }

  save(): StageState {
    return { tail: [...this.tail] };
  }

  restore(state: StageState): void {
    this.tail = [...(state.tail as readonly number[])];
  }

  /** Whether the history ends with the first `count` bytes. */
  private endsWith(bytes: Uint8Array, count: number): boolean {
    const start = this.tail.length - count;
    if (start < 0) return false;
    for (let i = 0; i < count; i++) if (this.tail[start + i] !== bytes[i]) return false;
    return true;
  }
}

function remove(candidates: Candidates, id: number): void {
  const index = candidates.indexOf(id);
  if (index !== undefined) candidates.logits[index] = -Infinity;
}

function findCompleting(text: string, vocabulary: SamplerVocabulary): BannedText {
  if (vocabulary.bytesOf === undefined) {
    throw new StarlingError(
      'invalid_argument',
      'banned strings need the bytes of tokens: give the vocabulary a bytesOf',
      {
        details: { param: 'bannedStrings' },
      },
    );
  }
  const bytes = new TextEncoder().encode(text);
  const completing = Array.from(bytes, (): number[] => []);
  for (let id = 0; id < vocabulary.size; id++) {
    const word = vocabulary.bytesOf(id);
    for (let start = word.indexOf(bytes[0]); start >= 0; start = word.indexOf(bytes[0], start + 1)) {
      if (startsWith(word, start, bytes, 0)) {
        completing[0].push(id);
        break;
      }
    }
    for (let matched = 1; matched < bytes.length; matched++)
      if (startsWith(word, 0, bytes, matched)) completing[matched].push(id);
  }
  return { bytes, completing };
}

/** Whether `word`, from `start` on, begins with `bytes` from `from` on. */
function startsWith(word: Uint8Array, start: number, bytes: Uint8Array, from: number): boolean {
  if (word.length - start < bytes.length - from) return false;
  for (let i = from; i < bytes.length; i++) if (word[start + i - from] !== bytes[i]) return false;
  return true;
}
