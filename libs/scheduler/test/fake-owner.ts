import { assert, type StarlingError } from '@starling/core';
import { KvCache, type PageArena } from '@starling/kvcache';
import { Scheduler } from '../src/scheduler.js';
import type { SchedulerOptions } from '../src/scheduler-options.js';
import type { SequenceEnd, SequenceHandle, SequenceRequest } from '../src/sequence.js';
import type { SequenceInput } from '../src/model-runner.js';
import type { StateSave, StepPlan } from '../src/step-plan.js';

const STATE_BYTES = 4;

/** What came of a sequence. */
export interface FakeResult {
  readonly generated: number[];
  end?: SequenceEnd;
}

export interface FakeOwnerOptions extends Partial<Omit<SchedulerOptions, 'limits' | 'cache'>> {
  readonly pageCount?: number;
  readonly pageTokens?: number;
  readonly contextLength?: number;
  readonly maxBatchTokens?: number;
  readonly maxSequences?: number;
  /** The model has a state for each slot: here a hash of the tokens that it has seen. */
  readonly isRecurrent?: boolean;
  readonly stateLimitBytes?: number;
  /** So many tokens are proposed after each token; of some drafts one is wrong. Default: none. */
  readonly drafts?: number;
  /** The model has windowed layers with pages of their own: they remember their tokens, too. */
  readonly windowed?: { readonly pageCount: number; readonly window: number };
}

/**
 * Runs a scheduler over a model without weights: pages remember the tokens written to them, and the next token is a hash of what a sequence's
 * pages hold. A page that is missing, stale or someone else's gives other tokens than a run alone.
 */
export class FakeOwner {
  readonly arena: PageArena;
  readonly cache: KvCache;
  readonly scheduler: Scheduler;
  readonly results = new Map<string, FakeResult>();
  readonly plans: StepPlan[] = [];
  readonly #handles = new Map<
    string,
    { handle: SequenceHandle; maxTokens: number; pooling?: string; inParts?: boolean }
  >();
  readonly #pages: (number | undefined)[][];
  /** Pages that hold something. */
  readonly #written = new Set<number>();
  /** Position and hash of what each slot has seen; undefined where that is not known. */
  readonly #states: ({ readonly position: number; readonly hash: number } | undefined)[] = [];
  readonly #isRecurrent: boolean;
  readonly #limits: { maxBatchTokens: number; maxSequences: number };
  readonly #drafts: number;
  /** Drafts that were computed, and those of them that came. */
  readonly drafted = { computed: 0, accepted: 0 };

  constructor({
    pageCount = 64,
    pageTokens = 4,
    contextLength = 200,
    maxBatchTokens = 16,
    maxSequences = 4,
    queueLimit = 100,
    isRecurrent = false,
    stateLimitBytes,
    windowed,
    drafts = 0,
    ...options
  }: FakeOwnerOptions = {}) {
    this.#limits = { maxBatchTokens, maxSequences };
    this.#drafts = drafts;
    this.#pages = Array.from(
      { length: pageCount + (windowed?.pageCount ?? 0) },
      () => new Array<number | undefined>(pageTokens),
    );
    this.#isRecurrent = isRecurrent;
    this.cache = new KvCache({
      pageCount,
      pageTokens,
      stateBytes: isRecurrent ? STATE_BYTES : 0,
      stateLimitBytes,
      windowed,
    });
    this.arena = this.cache.arena;
    this.scheduler = new Scheduler({
      limits: { contextLength, maxBatchTokens, maxSequences },
      cache: this.cache,
      queueLimit,
      draftTokens: drafts,
      draftsAlways: true,
      ...options,
    });
  }

  submit(request: SequenceRequest, maxTokens: number): SequenceHandle {
    const result: FakeResult = { generated: [] };
    const handle = this.scheduler.submit({ ...request, onEnd: (end) => (result.end = end) });
    this.results.set(request.id, result);
    this.#handles.set(request.id, { handle, maxTokens, pooling: request.pooling, inParts: request.inParts });
    return handle;
  }

  cancel(id: string): void {
    const known = this.#handles.get(id);
    if (known) this.scheduler.cancel(known.handle);
  }

  /** Runs a step; false when there was nothing to do. `during` is called while it is under way. */
  step(during?: () => void): boolean {
    this.#saveStates(this.scheduler.takeSaves());
    const plan = this.scheduler.plan();
    if (plan === undefined) return false;
    this.plans.push(plan);
    this.#prepare(plan);
    this.#write(plan);
    during?.();
    const next = plan.batch.map(({ pages, startPosition, tokens }, i) =>
      Array.from({ length: plan.sequences[i].drafted + 1 }, (_, row) =>
        this.#next(pages, startPosition + tokens.length - plan.sequences[i].drafted + row),
      ),
    );
    this.scheduler.commit(plan);
    this.#saveStates(this.scheduler.takeSaves());
    plan.sequences.forEach(({ sequence, isComplete, rows, startPosition, tokens, drafted }, i) => {
      assert(rows > drafted || !isComplete, 'a complete sequence has a row, and one for each draft');
      this.drafted.computed += drafted;
      for (let row = 0; isComplete && row <= drafted; row++) {
        if (
          sequence.state === 'ended' ||
          sequence.computed !== startPosition + tokens - drafted + row ||
          sequence.length > sequence.computed
        )
          break;
        if (row > 0) this.drafted.accepted++;
        this.#take(sequence, next[i][row]);
      }
    });
    return true;
  }

  /** Plans a step that fails: what its slots have seen is lost. */
  rollback(recompute: boolean): void {
    const plan = this.scheduler.plan();
    if (plan === undefined) return;
    this.#saveStates(plan.saves.splice(0));
    for (const { slot } of plan.batch) this.#states[slot] = undefined;
    this.scheduler.rollback(plan, { recompute: recompute || this.#isRecurrent });
  }

  /** Sequences whose readers are behind: they are parked when they are complete, until what was made of them is read. */
  readonly behind = new Set<string>();
  /** Sequences whose tokens take long to choose: they are held when they are complete, until that is done. */
  readonly slow = new Set<string>();
  readonly #unread = new Map<string, { readonly sequence: SequenceHandle; readonly token: number }>();

  /** The reader of a sequence catches up, or its token was chosen; false if it was not behind or slow. */
  read(id: string): boolean {
    this.behind.delete(id);
    this.slow.delete(id);
    const unread = this.#unread.get(id);
    if (unread === undefined) return false;
    this.#unread.delete(id);
    this.scheduler.append(unread.sequence, unread.token);
    return true;
  }

  /** Steps until nothing is left; fails instead of going on for ever. */
  runToEnd(maxSteps = 10_000): void {
    let steps = 0;
    while (this.step() || [...this.#unread.keys()].some((id) => this.read(id)))
      assert(++steps < maxSteps, 'the scheduler comes to an end');
    assert(this.scheduler.isIdle, 'nothing waits when there is nothing to do');
  }

  failed(id: string): StarlingError | undefined {
    const end = this.results.get(id)?.end;
    return end?.kind === 'failed' ? end.error : undefined;
  }

  /** Makes a second continuation the next time a sequence is complete. */
  readonly forksWanted = new Map<string, string>();

  #take(sequence: SequenceHandle, token: number): void {
    const result = this.results.get(sequence.id);
    const known = this.#handles.get(sequence.id);
    assert(result !== undefined && known !== undefined, 'the sequence is ours');
    const forkId = this.forksWanted.get(sequence.id);
    if (forkId !== undefined && known.maxTokens > result.generated.length + 1) {
      this.forksWanted.delete(sequence.id);
      const forked: FakeResult = { generated: [...result.generated, token + 1] };
      const handle = this.scheduler.fork(sequence, { id: forkId, onEnd: (end) => (forked.end = end) }, token + 1);
      this.results.set(forkId, forked);
      this.#handles.set(forkId, { handle, maxTokens: known.maxTokens });
    }
    result.generated.push(token);
    if (result.generated.length >= known.maxTokens || sequence.length >= this.scheduler.sequenceLimit)
      this.scheduler.finish(sequence);
    else if (this.behind.has(sequence.id) || this.slow.has(sequence.id)) {
      if (this.slow.has(sequence.id)) this.scheduler.hold(sequence);
      if (this.behind.has(sequence.id)) this.scheduler.park(sequence);
      this.#unread.set(sequence.id, { sequence, token });
    } else {
      this.scheduler.append(sequence, token);
      this.#propose(sequence, token);
    }
  }

  /** Proposes what comes next, but for one draft in some. */
  #propose(sequence: SequenceHandle, token: number): void {
    if (this.#drafts === 0) return;
    const tokens: number[] = [];
    for (let i = 0, last = token; i < this.#drafts; i++) tokens.push((last = hashOf(last, last)));
    const wrong = token % (2 * this.#drafts);
    if (wrong < tokens.length) tokens[wrong]++;
    this.scheduler.propose(sequence, { tokens, chances: tokens.map((_, i) => 0.9 ** (i + 1)) });
  }

  /** Puts pages and states in place; pages that nobody holds then are poisoned. */
  #prepare({ saves, copies, loads }: StepPlan): void {
    this.#saveStates(saves.splice(0));
    for (const [from, to] of copies.splice(0)) {
      this.#pages[to] = [...this.#pages[from]];
      this.#written.add(to);
    }
    for (const page of this.#written) {
      const { pageCount } = this.arena;
      if (
        (page < pageCount ? this.arena : this.cache.windows!.arena).holdersOf(
          page < pageCount ? page : page - pageCount,
        ) > 0
      )
        continue;
      this.#pages[page].fill(undefined);
      this.#written.delete(page);
    }
    for (const { slot, state } of loads)
      this.#states[slot] = { position: state.position, hash: new DataView(state.bytes.buffer).getInt32(0) };
  }

  #saveStates(saves: readonly StateSave[]): void {
    for (const { slot, position, keep } of saves) {
      const state = this.#states[slot];
      assert(
        state?.position === position,
        `slot ${slot} has seen ${state?.position} tokens, where ${position} are to be kept`,
      );
      const bytes = new Uint8Array(STATE_BYTES);
      new DataView(bytes.buffer).setInt32(0, state.hash);
      keep({ position, bytes });
    }
  }

  #write(plan: StepPlan): void {
    const { maxBatchTokens, maxSequences } = this.#limits;
    assert(plan.batch.length <= maxSequences, 'a step has no more sequences than it can');
    const read = plan.batch.reduce(
      (sum, { startPosition, encoderTokens = 0 }) => sum + (startPosition === 0 ? encoderTokens : 0),
      0,
    );
    assert(
      read <= maxBatchTokens && plan.promptTokens + plan.decodeTokens + plan.draftedTokens - read <= maxBatchTokens,
      'a step keeps to its budget',
    );
    for (const { startPosition, tokens, encoderTokens = 0 } of plan.batch)
      assert(
        encoderTokens <= (startPosition === 0 ? tokens.length - 1 : startPosition),
        'what an encoder reads comes whole',
      );
    assert(
      new Set(plan.batch.map(({ slot }) => slot)).size === plan.batch.length,
      'every sequence of a step has its own slot',
    );
    for (const { sequence, startPosition, isComplete } of plan.sequences) {
      const { pooling, inParts = false } = this.#handles.get(sequence.id) ?? {};
      assert(pooling === plan.pooling, 'a step embeds all of its sequences in one way, or none');
      assert(
        plan.pooling === undefined || inParts || (startPosition === 0 && isComplete),
        'what is embedded as a whole is computed in one step',
      );
    }
    for (const { tokens, startPosition, pages, windowPages, slot } of plan.batch) {
      if (windowPages) this.#writeWindows({ tokens, startPosition, pages }, windowPages);
      if (this.#isRecurrent && startPosition > 0)
        assert(
          this.#states[slot]?.position === startPosition &&
            this.#states[slot].hash === this.#next(pages, startPosition),
          `slot ${slot} has seen the tokens before ${startPosition}`,
        );
      for (let i = 0; i < tokens.length; i++) {
        const position = startPosition + i;
        const page = pages[Math.floor(position / this.arena.pageTokens)];
        assert(this.arena.holdersOf(page) === 1, `page ${page} is written by its one holder`);
        this.#pages[page][position % this.arena.pageTokens] = tokens[i];
        this.#written.add(page);
      }
      const end = startPosition + tokens.length;
      this.#states[slot] = { position: end, hash: this.#next(pages, end) };
    }
  }

  /** Checks what a step's first token sees of windowed layers, and writes what the step computes. */
  #writeWindows(
    { tokens, startPosition, pages }: Pick<SequenceInput, 'tokens' | 'startPosition' | 'pages'>,
    windowPages: Int32Array,
  ): void {
    const { pageTokens, pageCount } = this.arena;
    const windows = this.cache.windows!;
    const at = (position: number): [page: number, offset: number] => [
      windowPages[Math.floor(position / pageTokens)],
      position % pageTokens,
    ];
    for (let position = Math.max(0, startPosition - windows.window + 1); position < startPosition; position++) {
      const [page, offset] = at(position);
      assert(
        page >= 0 &&
          this.#pages[pageCount + page][offset] === this.#pages[pages[Math.floor(position / pageTokens)]][offset],
        `position ${position} is where windowed layers look for it`,
      );
    }
    for (let i = 0; i < tokens.length; i++) {
      const [page, offset] = at(startPosition + i);
      assert(windows.arena.holdersOf(page) === 1, `page ${page} of windowed layers is written by its one holder`);
      this.#pages[pageCount + page][offset] = tokens[i];
      this.#written.add(pageCount + page);
    }
  }

  #next(pages: Int32Array, length: number): number {
    let hash = FIRST_HASH;
    for (let position = 0; position < length; position++) {
      const token = this.#pages[pages[Math.floor(position / this.arena.pageTokens)]][position % this.arena.pageTokens];
      assert(token !== undefined, `position ${position} was written before it is read`);
      hash = hashOf(hash, token);
    }
    return hash;
  }
}

/** What a request gives that has all pages to itself: worked out from its tokens, with nothing scheduled. */
export function alone(tokens: readonly number[], maxTokens: number): number[] {
  const generated: number[] = [];
  let hash = tokens.reduce(hashOf, FIRST_HASH);
  for (; generated.length < maxTokens; hash = hashOf(hash, hash)) generated.push(hash);
  return generated;
}

const FIRST_HASH = 17;

function hashOf(before: number, token: number): number {
  return (before * 31 + token) % 9973;
}
