import { grammarError } from '../limits.js';
import type { Grammar } from '../machine/grammar.js';
import type { Machine } from '../machine/machine.js';
import { buildTokenTrie, type TokenTrie } from './token-trie.js';
import type { TokenVocabulary } from './token-vocabulary.js';
import { TrieWalk } from './trie-walk.js';

/** A vocabulary prepared for grammars: its token tree, and what was found out about each grammar so far. Made once per model. */
export class GrammarIndex {
  readonly vocabulary: TokenVocabulary;
  readonly trie: TokenTrie;
  /** (words) the tokens that end the output. */
  readonly endWords: Uint32Array;
  /** The first token that ends the output. */
  readonly endId: number | undefined;
  /** (words) control tokens that do not end the output. */
  readonly controlWords: Uint32Array;
  readonly #walks = new WeakMap<Machine, TrieWalk>();
  /** Grammars whose tokens were all found. */
  readonly #complete = new WeakSet<Grammar>();

  /** @param trie the vocabulary's, where it has been built already */
  constructor(vocabulary: TokenVocabulary, trie: TokenTrie = buildTokenTrie(vocabulary)) {
    this.vocabulary = vocabulary;
    this.trie = trie;
    this.endWords = new Uint32Array((vocabulary.size + 31) >>> 5);
    this.controlWords = new Uint32Array((vocabulary.size + 31) >>> 5);
    let endId: number | undefined;
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.isEndOfGeneration(id)) endId ??= id;
      const words = vocabulary.isEndOfGeneration(id)
        ? this.endWords
        : vocabulary.isControl(id)
          ? this.controlWords
          : undefined;
      if (words) words[id >>> 5] |= 1 << (id & 31);
    }
    this.endId = endId;
  }

  /** The masks of one grammar: `root` is its root machine. */
  walkOf(root: Machine): TrieWalk {
    let walk = this.#walks.get(root);
    if (!walk) this.#walks.set(root, (walk = new TrieWalk(this.trie, this.vocabulary.size)));
    return walk;
  }

  /** @throws StarlingError invalid_grammar if the grammar names a token that the vocabulary does not have */
  checkTokens(grammar: Grammar): void {
    if (this.#complete.has(grammar)) return;
    for (const token of grammar.tokens) this.tokenId(token);
    this.#complete.add(grammar);
  }

  /** Whether the vocabulary has a token by this id or with this text. */
  hasToken(token: number | string): boolean {
    const id = typeof token === 'number' ? token : this.vocabulary.idOf?.(token);
    return id !== undefined && id >= 0 && id < this.vocabulary.size;
  }

  /**
   * The id of a token that a grammar names by id or by text.
   * @throws StarlingError invalid_grammar if the vocabulary does not have it
   */
  tokenId(token: number | string): number {
    const id = typeof token === 'number' ? token : this.vocabulary.idOf?.(token);
    if (id === undefined)
      throw grammarError(
        `the grammar names the token ${JSON.stringify(token)}, which this model's vocabulary does not have as one token`,
        { token },
      );
    if (!Number.isInteger(id) || id < 0 || id >= this.vocabulary.size)
      throw grammarError(`the grammar names token ${id}; this model's tokens are 0 to ${this.vocabulary.size - 1}`, {
        token,
      });
    return id;
  }
}
