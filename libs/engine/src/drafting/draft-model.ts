import type { Clock, StarlingError } from '@starling/core';
import { KvCache, type ArenaStatistics } from '@starling/kvcache';
import {
  asStarlingError,
  type DraftOutlook,
  type Scheduler,
  type SequenceHandle,
  type SequenceInput,
} from '@starling/scheduler';
import type { ModelRuntime } from '@starling/transformer';
import { DraftCosts } from './draft-costs.js';
import { DraftRates } from './draft-rates.js';
import { furtherRounds, type RoundsWorth } from './draft-rounds.js';
import { DraftedAnswer, type GrowingText } from './drafted-answer.js';
import { HiddenRows } from './hidden-rows.js';
import { likeliest } from './likeliest.js';

/** A second, smaller model with the same vocabulary, whose likeliest tokens are drafts. */
export interface DraftModelParts {
  /** What messages call it. */
  readonly name: string;
  readonly runtime: ModelRuntime;
  /** It is a head that goes on from the model's hidden states: it reads the token after each of them, and gives the one after that. */
  readonly readsHidden?: boolean;
}

/** How busy a draft model is, now. */
export interface DraftModelStatistics {
  readonly name: string;
  /** Answers under way that it has drafted for. */
  readonly answers: number;
  readonly kv: ArenaStatistics;
}

/** What it drafts for. */
export interface DraftModelHost extends DraftModelParts {
  readonly scheduler: Pick<Scheduler, 'propose' | 'draftOutlook' | 'chargeDrafts'>;
  readonly model: Pick<ModelRuntime['info'], 'weightBytes' | 'vocabSize'>;
  /** For a head: the hidden state that a row of the model's last step gave its logits by. */
  readonly hiddenOf?: (row: number) => Float32Array | undefined;
  /** Keep what is computed for later prompts that begin alike. */
  readonly keepsPrefixes: boolean;
  readonly clock: Clock;
  /** A step of the draft model was computed for so many answers. */
  readonly onStep: (durationMs: number, answers: number) => void;
  /** A step of the draft model failed: nothing is lost but drafts. */
  readonly onFailure: (error: StarlingError, willRetry: boolean) => void;
}

/** An answer that would be drafted, if that pays. */
interface Wish {
  readonly sequence: SequenceHandle;
  readonly text: GrowingText;
  /** Whose computed tokens it shares; undefined: nobody's. */
  readonly cacheKey: string | undefined;
}

/** So many known tokens that are not computed yet come along with the first draft; more are computed before. */
const RIDERS = 16;

/** Known tokens that are caught up with in one phase while other answers wait for their next token. */
const CATCH_UP_TOKENS = 64;

/** Tokens of an answer that catching up with its prompt is to pay for itself in, at most. */
const HORIZON = 256;

/** Where drafting does not seem to pay, so many rounds now and then find out whether that is still so, for this part of the time. */
const TRIAL = { rounds: 3, share: 0.01 } as const;

/** After so many failed steps in a row the draft model is left alone. */
const MAX_FAILURES = 3;

/**
 * Drafts answers with a smaller model, between two steps of the model that it drafts for: as many tokens as are likely to pay, by how often
 * they came and by what the steps of both models take. Its keys and values are in pages of its own. Whatever it does, the same tokens come.
 *
 * Invariant: each answer under way that was drafted has one record, until it ends; pages of one that ends during a phase are given back after it.
 */
export class DraftModel {
  readonly name: string;
  readonly #host: DraftModelHost;
  readonly #cache: KvCache;
  readonly #vocabSize: number;
  readonly #rates = new DraftRates();
  readonly #costs: DraftCosts;
  readonly #answers = new Map<SequenceHandle, DraftedAnswer>();
  /** For a head: the states of answers under way. */
  readonly #hidden = new Map<SequenceHandle, HiddenRows>();
  #wishes: Wish[] = [];
  readonly #ended: SequenceHandle[] = [];
  #isBusy = false;
  #failures = 0;
  #phases = 0;
  /** Milliseconds that may go into finding out. */
  #purse = 0;

  constructor(host: DraftModelHost) {
    const { name, runtime, model, keepsPrefixes, clock } = host;
    const { pageCount, pageTokens, pageBytes, weightBytes, vocabSize } = runtime.info;
    this.name = name;
    this.#host = host;
    this.#cache = new KvCache({ pageCount, pageTokens, bytesPerPage: pageBytes, keepsPrefixes, pages: runtime, clock });
    this.#vocabSize = Math.min(vocabSize, model.vocabSize);
    this.#costs = new DraftCosts(weightBytes / Math.max(1, model.weightBytes));
  }

  /** Whether it goes on from hidden states: then it has to be told of every row that a token is drawn from. */
  get readsHidden(): boolean {
    return this.#host.readsHidden === true;
  }

  /** The token after a position of an answer is drawn from a row of the last step. */
  noteRow(sequence: SequenceHandle, position: number, stepRow: number): void {
    const row = this.#host.hiddenOf?.(stepRow);
    if (row === undefined) return;
    let rows = this.#hidden.get(sequence);
    if (rows === undefined) this.#hidden.set(sequence, (rows = new HiddenRows(row.length)));
    rows.note(position, row);
  }

  /** An answer whose last token was just appended may be drafted before the next step. */
  wish(sequence: SequenceHandle, text: GrowingText, cacheKey: string | undefined): void {
    if (this.#failures < MAX_FAILURES) this.#wishes.push({ sequence, text, cacheKey });
  }

  /** An answer is over. */
  ended(sequence: SequenceHandle): void {
    if (this.#isBusy) this.#ended.push(sequence);
    else this.#release(sequence);
  }

  /** Drafts those that wished it since the last step. Never throws. */
  async draft(): Promise<void> {
    if (this.#wishes.length === 0) return;
    const wishes = this.#wishes;
    this.#wishes = [];
    this.#isBusy = true;
    this.#phases++;
    try {
      await this.#draft(wishes);
    } catch (thrown) {
      this.#fail(asStarlingError(thrown));
    } finally {
      this.#isBusy = false;
      for (const sequence of this.#ended.splice(0)) this.#release(sequence);
    }
  }

  async close(): Promise<void> {
    this.#failures = MAX_FAILURES;
    await this.#host.runtime.close();
  }

  statistics(): DraftModelStatistics {
    return { name: this.name, answers: this.#answers.size, kv: this.#cache.arena.statistics() };
  }

  async #draft(wishes: readonly Wish[]): Promise<void> {
    const outlook = this.#host.scheduler.draftOutlook();
    if (!outlook.isMeasured && !outlook.isAlways) return;
    const answers = wishes.flatMap((wish) => this.#answerOf(wish) ?? []);
    if (answers.length === 0) return;
    const rounds = this.#leastRounds(answers, outlook);
    if (rounds === 0) return;
    await this.#catchUp(answers, outlook.sequences === 1 ? Infinity : CATCH_UP_TOKENS);
    const ready = answers.filter(({ behind, room }) => behind <= this.#riders && room > 0);
    await this.#rounds(ready, rounds, outlook);
    for (const answer of ready) if (answer.drafted > 0) this.#host.scheduler.propose(answer.sequence, answer.draft);
  }

  get #riders(): number {
    const { maxBatchTokens, maxSequences } = this.#host.runtime.info;
    return Math.max(1, Math.min(RIDERS, Math.floor(maxBatchTokens / maxSequences)));
  }

  /** The record of an answer, brought to where the answer is. Undefined if nothing is to be drafted. */
  #answerOf({ sequence, text, cacheKey }: Wish): DraftedAnswer | undefined {
    if (sequence.state !== 'running' || text.draftLimit <= 0) return undefined;
    // Its last draft is computed, too, if it was right.
    if (sequence.length + text.draftLimit >= this.#host.runtime.info.contextLength) return undefined;
    let answer = this.#answers.get(sequence);
    if (answer === undefined) {
      const rows = this.#hidden.get(sequence);
      if (this.readsHidden && rows === undefined) return undefined;
      const hidden = rows && { rows, width: this.#host.runtime.info.embeddingLength };
      const { kv } = hidden
        ? this.#cache.match(undefined, new Uint32Array(0), 0)
        : this.#cache.match(cacheKey, text.promptTokens, text.promptTokens.length);
      answer = new DraftedAnswer(sequence, text, { kv, cacheKey }, this.#rates, this.#vocabSize, hidden);
      this.#answers.set(sequence, answer);
    }
    answer.align();
    if (answer.known !== sequence.length || !answer.isReady) return undefined;
    answer.usedAt = this.#phases;
    return answer;
  }

  /** Rounds that are made at least: 1 where it is likely that some pay, more to find out; 0: none are made. */
  #leastRounds(answers: readonly DraftedAnswer[], outlook: DraftOutlook): number {
    if (outlook.isAlways) return Infinity;
    const stepMs = outlook.msOf(0);
    const { rounds, sparedMs } = this.#worth(answers, outlook, 0);
    const behind = answers.reduce((sum, answer) => sum + Math.max(0, answer.behind - 1), 0);
    const catchUpMs = this.#costs.catchUpMs(behind, stepMs);
    const tokens = answers.reduce((sum, { tokensLeft }) => sum + Math.min(HORIZON, tokensLeft), 0);
    if (rounds > 0 && catchUpMs <= sparedMs * tokens) return 1;
    const trialMs =
      catchUpMs +
      TRIAL.rounds * this.#costs.roundMs(answers.length, stepMs) +
      outlook.msOf(TRIAL.rounds * answers.length) -
      stepMs;
    if (this.#purse < trialMs) {
      this.#purse += TRIAL.share * stepMs;
      return 0;
    }
    this.#purse -= trialMs;
    return TRIAL.rounds;
  }

  #worth(answers: readonly DraftedAnswer[], outlook: DraftOutlook, spentMs: number): RoundsWorth {
    const [drafted, expected] = answers.reduce(
      ([all, likely], answer) => [all + answer.drafted, likely + answer.expected],
      [0, 0],
    );
    return furtherRounds({
      outlook,
      answers,
      drafted,
      expected,
      spentMs,
      roundMs: this.#costs.roundMs(answers.length, outlook.msOf(0)),
    });
  }

  /** Computes known tokens until none is further behind than what comes along with a draft, or the budget is used up. */
  async #catchUp(answers: readonly DraftedAnswer[], budget: number): Promise<void> {
    for (let left = budget; left > 0; ) {
      const part: { answer: DraftedAnswer; count: number }[] = [];
      let room = Math.min(left, this.#host.runtime.info.maxBatchTokens);
      for (const answer of answers) {
        const count = Math.min(room, answer.behind - 1);
        if (answer.sequence.state !== 'running' || answer.behind <= this.#riders || count <= 0) continue;
        part.push({ answer, count });
        room -= count;
        left -= count;
      }
      if (part.length === 0) return;
      if ((await this.#step(part, 'none')).length === 0) return;
    }
  }

  /** Gives each answer one draft a round, so often at least, and for as long as that is likely to pay. */
  async #rounds(answers: readonly DraftedAnswer[], least: number, outlook: DraftOutlook): Promise<void> {
    const began = this.#host.clock();
    let active = answers.filter(({ room }) => room > 0);
    for (let round = 0; active.length > 0; round++) {
      const spentMs = this.#host.clock() - began;
      if (round >= least && this.#worth(active, outlook, spentMs).rounds === 0) return;
      active = (
        await this.#step(
          active.map((answer) => ({ answer, count: answer.behind })),
          'last',
        )
      ).filter(({ room }) => room > 0);
    }
  }

  /** Computes tokens of some answers; with `last`, the likeliest after them is drafted. Gives those that had room, and go on. */
  async #step(
    parts: readonly { readonly answer: DraftedAnswer; readonly count: number }[],
    outputs: 'last' | 'none',
  ): Promise<DraftedAnswer[]> {
    const { runtime, clock, scheduler, onStep } = this.#host;
    const batch: (SequenceInput & { readonly answer: DraftedAnswer })[] = [];
    const spared = new Set(parts.map(({ answer }) => answer));
    for (const { answer, count } of parts) {
      const tokens = answer.input(count);
      if (tokens === undefined || !this.#reserve(answer, count, spared)) continue;
      batch.push({
        answer,
        tokens,
        hidden: answer.hiddenInput(count),
        startPosition: answer.kv.length,
        pages: answer.kv.pages,
        slot: batch.length,
        outputs,
      });
    }
    if (batch.length === 0) return [];
    let logits: Float32Array;
    let rows: number;
    const began = clock();
    try {
      for (const [from, to] of this.#cache.takeCopies()) await runtime.copyPage(from, to);
      ({ logits, rows } = await runtime.step(batch));
    } catch (error) {
      for (const { answer } of batch) answer.kv.truncate(0);
      throw error;
    }
    this.#failures = 0;
    const durationMs = clock() - began;
    const tokenCount = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
    this.#costs.stepped(batch.length, tokenCount, durationMs);
    // Whoever is drafted for pays for it, as for its part of a step.
    for (const { answer, tokens } of batch)
      scheduler.chargeDrafts(answer.sequence, (durationMs * tokens.length) / tokenCount);
    onStep(durationMs, batch.length);
    const width = logits.length / Math.max(1, rows);
    return batch.flatMap(({ answer, tokens }, row) => {
      answer.kv.commit(tokens.length);
      answer.donatePrompt(this.#cache);
      if (outputs === 'none') return [answer];
      if (this.readsHidden) answer.noteOwnHidden(runtime.hiddenOf?.(row));
      const first = likeliest(logits.subarray(row * width, (row + 1) * width));
      const goesOn = first !== undefined && answer.expect(first.id, first.chance);
      return goesOn ? [answer] : [];
    });
  }

  /** Room for tokens of an answer; what was drafted longest ago gives way. False: there is none. */
  #reserve(answer: DraftedAnswer, count: number, spared: ReadonlySet<DraftedAnswer>): boolean {
    while (this.#cache.makeRoom(answer.kv, count) > 0) {
      const others = [...this.#answers.values()].filter((other) => !spared.has(other) && other.kv.length > 0);
      if (others.length === 0) return false;
      others.reduce((oldest, other) => (other.usedAt < oldest.usedAt ? other : oldest)).kv.truncate(0);
    }
    answer.kv.reserve(count);
    return true;
  }

  #release(sequence: SequenceHandle): void {
    this.#answers.get(sequence)?.release(this.#cache);
    this.#answers.delete(sequence);
    this.#hidden.delete(sequence);
  }

  #fail(error: StarlingError): void {
    // Closed: nothing is drafted any more, and nobody need hear of it.
    if (this.#failures >= MAX_FAILURES) return;
    this.#failures++;
    this.#host.onFailure(error, this.#failures < MAX_FAILURES);
  }
}
