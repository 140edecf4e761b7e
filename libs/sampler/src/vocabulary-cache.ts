import type { SamplerVocabulary } from './vocabulary.js';

/**
 * What was worked out from a vocabulary for a text, kept for the next request with the same text: at most `limit` texts for each
 * vocabulary object, the oldest goes first.
 */
export class VocabularyCache<T> {
  private readonly byVocabulary = new WeakMap<SamplerVocabulary, Map<string, T>>();

  constructor(
    private readonly limit: number,
    private readonly make: (text: string, vocabulary: SamplerVocabulary) => T,
  ) {}

  get(text: string, vocabulary: SamplerVocabulary): T {
    let known = this.byVocabulary.get(vocabulary);
    if (known === undefined) this.byVocabulary.set(vocabulary, (known = new Map<string, T>()));
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = this.make(text, vocabulary);
    if (known.size >= this.limit) {
      const [oldest] = known.keys();
      known.delete(oldest);
    }
    known.set(text, made);
    return made;
  }
}
