import { HitRate } from './hit-rate.js';

/** So many tokens have to be the same before what followed them is looked at. */
const KEY_TOKENS = 3;

/** Earlier places that are compared, the latest first. */
const CANDIDATES = 16;

/** Longer matches are as good as this. */
const LONGEST = 64;

/** With a match as long as this no better one is looked for. */
const GOOD = 16;

/** A match is near if it is within so many tokens of where the last one was lost: a text that is repeated with changes goes on behind each. */
const NEAR = 64;

/**
 * By the length of the match (3, 4 to 7, 8 to 15, 16 to 31, 32 to 63, 64): how likely it is that the next token is the same, too, before
 * anything is known of this text. Short ones mean little where they are found anywhere, and much right behind a change.
 */
const FAR_GUESSES = [0.2, 0.35, 0.75, 0.85, 0.92, 0.95];
const NEAR_GUESSES = [0.6, 0.7, 0.8, 0.85, 0.92, 0.95];
const GUESS_WEIGHT = 4;

/**
 * The same where a lost match is taken up as if as many tokens had been put in the place of others: after one token that is the same again, and
 * after two.
 */
const RESUMED_GUESSES = [0.5, 0.7];

/** What is less likely is not worth a row. */
const WORTHLESS = 0.05;

/**
 * Finds in a text that grows where its end has been before, and what followed there: hash chains over its tokens, three at a time.
 *
 * Each prediction is held against the token that comes, whether anybody used it or not: so it is known how much matches of each length are worth
 * in this text. Everything here belongs to one text: nothing is learnt from others.
 *
 * Invariant: `before[p]` is the place before p whose key has the same hash, `heads[hash]` the latest; a place is that of a key's last token.
 */
export class RepeatFinder {
  #tokens: Uint32Array;
  #before: Int32Array;
  #heads: Int32Array;
  #length = 0;
  /** Where what comes next is thought to have been before; undefined: nowhere. */
  #source: number | undefined;
  /** Tokens before the source that are the same as those at the end. */
  #match = 0;
  #isNear = false;
  /** Where the last match was lost. */
  #lost = -Infinity;
  /** Where the lost match would be now if nothing was put in or left out; undefined: it is not taken up any more. */
  #beside: number | undefined;
  readonly #far = FAR_GUESSES.map((guess) => new HitRate(guess, GUESS_WEIGHT));
  readonly #near = NEAR_GUESSES.map((guess) => new HitRate(guess, GUESS_WEIGHT));
  readonly #resumed = RESUMED_GUESSES.map((guess) => new HitRate(guess, GUESS_WEIGHT));

  /** @param tokens what the text begins with */
  constructor(tokens: ArrayLike<number>) {
    const room = 2 ** Math.ceil(Math.log2(Math.max(64, tokens.length + 64)));
    this.#tokens = new Uint32Array(room);
    this.#before = new Int32Array(room);
    this.#heads = new Int32Array(2 * room).fill(-1);
    for (let i = 0; i < tokens.length; i++) this.#add(tokens[i]);
    this.#find();
  }

  /** Tokens that are the same before the source of the prediction; 0: there is none. */
  get match(): number {
    return this.#source === undefined ? 0 : this.#match;
  }

  /** The next token has come. */
  push(token: number): void {
    if (this.#source !== undefined) {
      const isHit = this.#tokens[this.#source] === token;
      this.#rateOf(this.#match).note(isHit);
      if (isHit) {
        this.#source++;
        this.#match++;
      } else {
        // One that was taken up too early is still the one that was lost before.
        if (this.#match >= KEY_TOKENS) this.#lost = this.#source;
        this.#beside = this.#source;
        this.#source = undefined;
      }
    }
    if (this.#source === undefined) this.#resume(token);
    else this.#beside = undefined;
    this.#add(token);
    if (this.#source === undefined || this.#match < GOOD) this.#find();
  }

  /** What is expected to follow, at most `limit` tokens, put into the two lists: a token, and how likely it is that all up to it come. */
  predict(limit: number, tokens: number[], chances: number[]): void {
    if (this.#source === undefined) return;
    for (let i = 0, chance = 1; i < limit; i++) {
      chance *= this.#rateOf(this.#match + i).value;
      if (chance < WORTHLESS) break;
      const at = this.#source + i;
      // Beyond the end the text repeats what was just predicted.
      tokens.push(at < this.#length ? this.#tokens[at] : tokens[tokens.length - (this.#length - this.#source)]);
      chances.push(chance);
    }
  }

  /** Goes along the lost match, and takes it up where it has the token that comes. */
  #resume(token: number): void {
    if (this.#beside === undefined) return;
    const isSame = this.#tokens[this.#beside] === token;
    this.#beside++;
    if (isSame) {
      this.#source = this.#beside;
      this.#match = 1;
      this.#isNear = true;
      this.#beside = undefined;
    } else if (this.#beside - this.#lost > NEAR) this.#beside = undefined;
  }

  #rateOf(match: number): HitRate {
    if (match < KEY_TOKENS) return this.#resumed[match - 1];
    const rates = this.#isNear ? this.#near : this.#far;
    return rates[Math.min(rates.length - 1, 30 - Math.clz32(match))];
  }

  #add(token: number): void {
    if (this.#length === this.#tokens.length) this.#grow();
    this.#tokens[this.#length++] = token;
    this.#link(this.#length - 1);
  }

  /** Puts the key that ends at a place at the head of its chain. */
  #link(place: number): void {
    if (place < KEY_TOKENS - 1) return;
    const hash = this.#hashAt(place);
    this.#before[place] = this.#heads[hash];
    this.#heads[hash] = place;
  }

  #hashAt(place: number): number {
    let hash = 0;
    for (let back = 0; back < KEY_TOKENS; back++)
      hash = Math.imul(hash ^ this.#tokens[place - back], 0x9e3779b1) ^ (hash >>> 15);
    return (hash >>> 7) & (this.#heads.length - 1);
  }

  /** The longest match among the latest places with the same key; of equals one that is near, then the latest. */
  #find(): void {
    const last = this.#length - 1;
    if (last < KEY_TOKENS) return;
    let longest = Math.max(KEY_TOKENS - 1, this.match);
    let nearest = this.#source === undefined ? Infinity : this.#distanceOf(this.#source);
    for (
      let place = this.#before[last], left = CANDIDATES;
      place >= 0 && left > 0;
      place = this.#before[place], left--
    ) {
      const match = this.#matchAt(place);
      const distance = this.#distanceOf(place + 1);
      if (match < KEY_TOKENS || match < longest || (match === longest && distance >= nearest)) continue;
      [longest, nearest] = [match, distance];
      this.#source = place + 1;
      this.#match = match;
    }
    this.#isNear = nearest <= NEAR;
  }

  /** How far a source is from where the last match was lost; all that are not near are as good as one another. */
  #distanceOf(source: number): number {
    const distance = Math.abs(source - this.#lost);
    return distance <= NEAR ? distance : Infinity;
  }

  /** Tokens up to a place that are the same as those up to the end. */
  #matchAt(place: number): number {
    const last = this.#length - 1;
    let match = 0;
    while (match < LONGEST && match <= place && this.#tokens[place - match] === this.#tokens[last - match]) match++;
    return match;
  }

  #grow(): void {
    const tokens = new Uint32Array(2 * this.#length);
    tokens.set(this.#tokens);
    this.#tokens = tokens;
    this.#before = new Int32Array(tokens.length);
    this.#heads = new Int32Array(2 * tokens.length).fill(-1);
    for (let place = 0; place < this.#length; place++) this.#link(place);
  }
}
