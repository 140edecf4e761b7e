import { Emitter, type Listener } from '@starling/core';
import type { RecordFeed, RecordNews, SessionDirectory, SessionHold } from '@starling/kvcache';
import type { FolderSharing } from '@starling/kvcache/node';
import type { Redis } from 'ioredis';
import type { LimitStore } from '../limits/limit-store.js';
import type { RequestLog } from '../parts.js';
import { connectRedis } from './redis-connection.js';

export interface RedisSharingOptions {
  /** `redis://`, `rediss://`, or the path of a socket. */
  readonly url: string;
  /** Where sessions are taken: one place each. */
  readonly leases: Pick<LimitStore, 'acquire'>;
  readonly log: Pick<RequestLog, 'warn' | 'info'>;
  /** How long a session is waited for that another process has. */
  readonly patienceMs?: number;
}

/** What all names in Redis begin with. */
const PREFIX = 'starling:kv';
/** A turn that has just ended elsewhere is still being stored: that is waited for. */
const PATIENCE_MS = 3000;
const RETRY_MS = 25;

/** Forgets a session's record if it is still that one. KEYS: the session. ARGV: the record. */
const FORGET = `if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end return 1`;

type Heard = RecordNews | { readonly kind: 'missed' };

/**
 * How replicas share one folder of stored sessions and pages, by one Redis: each tells the others of records that it writes and removes, sessions are taken
 * before a turn, and the record with a session's newest state is found by name. While Redis is away each replica goes on with what it knows; when it is
 * back, the folder is read again.
 */
export class RedisFolderSharing {
  readonly #options: RedisSharingOptions;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #heard = new Emitter<{ readonly channel: string; readonly news: Heard }>();
  readonly #self = crypto.randomUUID();
  #isLost = false;
  #isClosed = false;

  private constructor(options: RedisSharingOptions, redis: Redis, subscriber: Redis) {
    this.#options = options;
    this.#redis = redis;
    this.#subscriber = subscriber;
    redis.on('error', (error) => this.#lost(error));
    redis.on('ready', () => this.#found());
    subscriber.on('message', (channel: string, message: string) => this.#hear(channel, message));
    subscriber.on('ready', () => this.#heard.emit({ channel: '', news: { kind: 'missed' } }));
  }

  /** @throws StarlingError invalid_argument if there is no Redis at the address to begin with */
  static async connect(options: RedisSharingOptions): Promise<RedisFolderSharing> {
    const redis = await connectRedis(options.url, 'sessions');
    const subscriber = await connectRedis(options.url, 'sessions');
    return new RedisFolderSharing(options, redis, subscriber);
  }

  /** What a folder's store needs. @param folder a name of the folder, the same for all that have it */
  of(folder: string): FolderSharing {
    const channel = `${PREFIX}:${folder}:records`;
    // What was told before it hears is found in the folder.
    this.#subscriber.subscribe(channel).then(
      () => this.#heard.emit({ channel, news: { kind: 'missed' } }),
      (error: unknown) => this.#lost(error),
    );
    const feed: RecordFeed = {
      tell: ({ kind, id }) =>
        void this.#redis.publish(channel, `${this.#self} ${kind} ${id}`).catch((error: unknown) => this.#lost(error)),
      on: (listener: Listener<Heard>) =>
        this.#heard.on((heard) => void ((heard.channel === channel || heard.channel === '') && listener(heard.news))),
    };
    return { feed, directory: this.#directory(`${PREFIX}:${folder}:session:`) };
  }

  close(): void {
    this.#isClosed = true;
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  #directory(prefix: string): SessionDirectory {
    const quietly = (work: Promise<unknown>): Promise<void> =>
      work.then(
        () => undefined,
        (error: unknown) => this.#lost(error),
      );
    return {
      take: (name) => this.#take(prefix + name),
      note: (name, record, msToLive) =>
        quietly(
          Number.isFinite(msToLive)
            ? this.#redis.set(prefix + name, record, 'PX', Math.ceil(msToLive))
            : this.#redis.set(prefix + name, record),
        ),
      forget: (name, record) => quietly(this.#redis.eval(FORGET, 1, prefix + name, record)),
    };
  }

  async #take(key: string): Promise<SessionHold | undefined> {
    const { leases, patienceMs = PATIENCE_MS } = this.#options;
    const until = performance.now() + patienceMs;
    let lease = await leases.acquire(key, 1);
    while (lease === undefined && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      lease = await leases.acquire(key, 1);
    }
    if (lease === undefined) return undefined;
    const taken = lease;
    const record = await this.#redis.get(key).catch((error: unknown) => this.#lost(error));
    return { record: record ?? undefined, release: () => void taken.release() };
  }

  #hear(channel: string, message: string): void {
    const [sender, kind, id] = message.split(' ');
    if (sender === this.#self || id === undefined) return;
    if (kind === 'written' || kind === 'removed') this.#heard.emit({ channel, news: { kind, id } });
  }

  /** Told once, however many requests find out. */
  #lost(error: unknown): void {
    if (this.#isLost || this.#isClosed) return;
    this.#isLost = true;
    this.#options.log.warn(
      { err: error },
      'Redis cannot be reached: until it can, sessions of other replicas are not found',
    );
  }

  #found(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#options.log.info({}, 'Redis is reached again: sessions of other replicas are found');
  }
}
