import { StarlingError, type ErrorCode } from '@starling/core';
import type { AsideJobs, AsideKind, AsideReply, AsideRequest, AsideThread, AsideWork } from './aside-job.js';

/** Jobs that may wait, and those of one tenant. */
const WAITING = 256;
const WAITING_OF_TENANT = 32;
/** What one job may take. */
const BUDGET_MS = 30_000;
/** A thread that has had nothing to do for so long gives its memory back. */
const IDLE_MS = 60_000;

interface Job {
  readonly request: AsideRequest;
  readonly tenant: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface AsideOptions {
  readonly budgetMs?: number;
  readonly idleMs?: number;
}

/**
 * Long work in one thread, a job at a time; tenants take turns. The thread begins with the first job and ends when there was none for a
 * while. One that does not come back within the budget is ended, and with it the job: no other waits for it.
 */
export class AsideQueue implements AsideWork {
  readonly #spawn: () => AsideThread;
  readonly #budgetMs: number;
  readonly #idleMs: number;
  /** By tenant, the one whose turn is next first; none without a job. */
  readonly #waiting = new Map<string, Job[]>();
  #waitingCount = 0;
  #thread: AsideThread | undefined;
  #running: Job | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(spawn: () => AsideThread, { budgetMs = BUDGET_MS, idleMs = IDLE_MS }: AsideOptions = {}) {
    this.#spawn = spawn;
    this.#budgetMs = budgetMs;
    this.#idleMs = idleMs;
  }

  do<Kind extends AsideKind>(
    kind: Kind,
    given: AsideJobs[Kind]['given'],
    { tenant = '', signal }: { readonly tenant?: string; readonly signal?: AbortSignal } = {},
  ): Promise<AsideJobs[Kind]['result']> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw closed();
      if (signal?.aborted === true) throw cancelled();
      const own = this.#waiting.get(tenant) ?? [];
      if (this.#waitingCount >= WAITING || own.length >= WAITING_OF_TENANT) throw full(own.length >= WAITING_OF_TENANT);
      const onAbort = (): void => this.#drop(job);
      const done = (): void => signal?.removeEventListener('abort', onAbort);
      const job: Job = {
        request: { kind, given },
        tenant,
        resolve: (result) => {
          done();
          resolve(result as AsideJobs[Kind]['result']);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort);
      own.push(job);
      this.#waiting.set(tenant, own);
      this.#waitingCount++;
      this.#next();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
    for (const job of [...(this.#running ? [this.#running] : []), ...[...this.#waiting.values()].flat()])
      job.reject(closed());
    this.#running = undefined;
    this.#waiting.clear();
    this.#waitingCount = 0;
  }

  #next(): void {
    if (this.#running !== undefined || this.#isClosed) return;
    clearTimeout(this.#timer);
    const [turn] = this.#waiting;
    if (turn === undefined) {
      this.#timer = later(() => this.#end(), this.#idleMs);
      return;
    }
    const [tenant, jobs] = turn;
    const job = jobs.shift()!;
    this.#waitingCount--;
    this.#waiting.delete(tenant);
    if (jobs.length > 0) this.#waiting.set(tenant, jobs);
    this.#running = job;
    this.#timer = later(() => this.#give(job, tooLong(this.#budgetMs)), this.#budgetMs);
    try {
      this.#started().post(job.request);
    } catch (error) {
      // What cannot be handed over is a fault of the caller's.
      this.#settle(() => job.reject(error as Error));
    }
  }

  #started(): AsideThread {
    if (this.#thread) return this.#thread;
    const thread = this.#spawn();
    this.#thread = thread;
    thread.onReply((reply) => {
      const job = this.#running;
      if (thread === this.#thread && job) this.#settle(() => answer(job, reply));
    });
    thread.onEnd((reason) => {
      if (thread !== this.#thread) return;
      const job = this.#running;
      this.#thread = undefined;
      if (job) this.#settle(() => job.reject(new StarlingError('internal', `a thread for long work ended: ${reason}`)));
    });
    return thread;
  }

  /** Ends the thread under a job. */
  #give(job: Job, error: Error): void {
    this.#end();
    this.#settle(() => job.reject(error));
  }

  #settle(tell: () => void): void {
    this.#running = undefined;
    tell();
    this.#next();
  }

  /** Nobody waits for a job any more: one that runs is let run, since the next is soon there. */
  #drop(job: Job): void {
    const jobs = this.#waiting.get(job.tenant);
    const at = jobs?.indexOf(job) ?? -1;
    if (jobs !== undefined && at >= 0) {
      jobs.splice(at, 1);
      this.#waitingCount--;
      if (jobs.length === 0) this.#waiting.delete(job.tenant);
    }
    job.reject(cancelled());
  }

  #end(): void {
    clearTimeout(this.#timer);
    const thread = this.#thread;
    this.#thread = undefined;
    thread?.terminate();
  }
}

function answer(job: Job, reply: AsideReply): void {
  if ('result' in reply) job.resolve(reply.result);
  else if ('fault' in reply) job.reject(new StarlingError('internal', `long work failed: ${reply.fault}`));
  else
    job.reject(
      new StarlingError(reply.refusal.code as ErrorCode, reply.refusal.message, {
        details: { ...reply.refusal.details },
      }),
    );
}

/** A timer that keeps no process alive. */
function later(task: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(task, ms);
  if (typeof timer === 'object') timer.unref();
  return timer;
}

const closed = (): StarlingError => new StarlingError('closed', 'the model is closed');
const cancelled = (): StarlingError => new StarlingError('cancelled', 'nobody waits for the work any more');
const full = (ofTenant: boolean): StarlingError =>
  new StarlingError(
    'queue_full',
    `${ofTenant ? 'this caller has' : 'there are'} too many requests with long texts, grammars or schemas waiting to be prepared; retry later`,
    { details: { retryAfterMs: 1000 } },
  );
const tooLong = (budgetMs: number): StarlingError =>
  new StarlingError(
    'unprocessable',
    `preparing the request takes more than ${budgetMs} ms: send a shorter text, or a smaller grammar or schema`,
    { details: { limitMs: budgetMs } },
  );
