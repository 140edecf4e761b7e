import { assert, type StarlingError } from '@starling/core';
import { PageArena } from '@starling/kvcache';
import { Scheduler, type SchedulerOptions } from '../src/scheduler.js';
import type { SequenceEnd, SequenceHandle, SequenceRequest } from '../src/sequence.js';
import type { StepPlan } from '../src/step-plan.js';

/** What came of a sequence. */
export interface FakeResult {
  readonly generated: number[];
  end?: SequenceEnd;
}

export interface FakeOwnerOptions extends Partial<Omit<SchedulerOptions, 'limits' | 'arena'>> {
  readonly pageCount?: number;
  readonly pageTokens?: number;
  readonly contextLength?: number;
  readonly maxBatchTokens?: number;
  readonly maxSequences?: number;
}

/**
 * Runs a scheduler over a model without weights: pages remember the tokens written to them, and the next token is a hash of what a sequence's
 * pages hold. A page that is missing, stale or someone else's gives other tokens than a run alone.
 */
export class FakeOwner {
  readonly arena: PageArena;
  readonly scheduler: Scheduler;
  readonly results = new Map<string, FakeResult>();
  readonly plans: StepPlan[] = [];
  readonly #handles = new Map<string, { handle: SequenceHandle; maxTokens: number }>();
  readonly #pages: (number | undefined)[][];
  readonly #limits: { maxBatchTokens: number; maxSequences: number };

  constructor({ pageCount = 64, pageTokens = 4, contextLength = 200, maxBatchTokens = 16, maxSequences = 4, queueLimit = 100, ...options }: FakeOwnerOptions = {}) {
    this.#limits = { maxBatchTokens, maxSequences };
    this.#pages = Array.from({ length: pageCount }, () => new Array<number | undefined>(pageTokens));
    this.arena = new PageArena({ pageCount, pageTokens, onCopy: (from, to) => (this.#pages[to] = [...this.#pages[from]]) });
    this.scheduler = new Scheduler({ limits: { contextLength, maxBatchTokens, maxSequences }, arena: this.arena, queueLimit, ...options });
  }

  submit(request: SequenceRequest, maxTokens: number): SequenceHandle {
    const result: FakeResult = { generated: [] };
    const handle = this.scheduler.submit({ ...request, onEnd: (end) => (result.end = end) });
    this.results.set(request.id, result);
    this.#handles.set(request.id, { handle, maxTokens });
    return handle;
  }

  cancel(id: string): void {
    const known = this.#handles.get(id);
    if (known) this.scheduler.cancel(known.handle);
  }

  /** Runs a step; false when there was nothing to do. `during` is called while it is under way. */
  step(during?: () => void): boolean {
    const plan = this.scheduler.plan();
    if (plan === undefined) return false;
    this.plans.push(plan);
    this.#write(plan);
    during?.();
    const next = plan.batch.map((input) => this.#next(input.pages, input.startPosition + input.tokens.length));
    this.scheduler.commit(plan);
    plan.sequences.forEach(({ sequence, isComplete, rows }, i) => {
      if (isComplete && sequence.state !== 'ended') this.#take(sequence, next[i]);
      assert(rows > 0 || !isComplete, 'a complete sequence has a row');
    });
    return true;
  }

  /** Steps until nothing is left; fails instead of going on for ever. */
  runToEnd(maxSteps = 10_000): void {
    let steps = 0;
    while (this.step()) assert(++steps < maxSteps, 'the scheduler comes to an end');
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
    if (result.generated.length >= known.maxTokens || sequence.length >= this.scheduler.sequenceLimit) this.scheduler.finish(sequence);
    else this.scheduler.append(sequence, token);
  }

  #write(plan: StepPlan): void {
    const { maxBatchTokens, maxSequences } = this.#limits;
    assert(plan.batch.length <= maxSequences, 'a step has no more sequences than it can');
    assert(plan.promptTokens + plan.decodeTokens <= maxBatchTokens, 'a step keeps to its budget');
    assert(new Set(plan.batch.map(({ slot }) => slot)).size === plan.batch.length, 'every sequence of a step has its own slot');
    for (const { tokens, startPosition, pages } of plan.batch) {
      for (let i = 0; i < tokens.length; i++) {
        const position = startPosition + i;
        const page = pages[Math.floor(position / this.arena.pageTokens)];
        assert(this.arena.holdersOf(page) === 1, `page ${page} is written by its one holder`);
        this.#pages[page][position % this.arena.pageTokens] = tokens[i];
      }
    }
  }

  #next(pages: Int32Array, length: number): number {
    let hash = 17;
    for (let position = 0; position < length; position++) {
      const token = this.#pages[pages[Math.floor(position / this.arena.pageTokens)]][position % this.arena.pageTokens];
      assert(token !== undefined, `position ${position} was written before it is read`);
      hash = (hash * 31 + token) % 9973;
    }
    return hash;
  }
}

/** What a request gives when it runs alone. */
export function alone(tokens: readonly number[], maxTokens: number): number[] {
  const owner = new FakeOwner({ pageCount: 200 });
  owner.submit({ id: 'alone', tokens }, maxTokens);
  owner.runToEnd();
  return owner.results.get('alone')?.generated ?? [];
}
