import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import type { RequestLog } from '../parts.js';
import { connectRedis } from '../sharing/redis-connection.js';
import type { Lease, LimitStore, WindowCount } from './limit-store.js';
import { MemoryLimitStore } from './memory-limit-store.js';
import { countOf, limiterOptions } from './window-count.js';

export interface RedisLimitOptions {
  /** `redis://`, `rediss://`, or the path of a socket. */
  readonly url: string;
  readonly windowSeconds: number;
  readonly log: Pick<RequestLog, 'warn' | 'info'>;
  /** What all names of this server's begin with. */
  readonly prefix?: string;
  /** How long a place stays taken that nobody holds any more. */
  readonly leaseMs?: number;
}

const LEASE_MS = 10_000;

/**
 * Takes a place: who holds one stands in a sorted set by when its lease ends, on Redis's own clock; leases that ended are taken out first.
 * KEYS: the set. ARGV: the limit, the holder, milliseconds of a lease.
 */
const ACQUIRE = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('zadd', KEYS[1], now + ARGV[3], ARGV[2])
redis.call('pexpire', KEYS[1], ARGV[3])
return 1`;

/** Renews a lease that is still held. KEYS: the set. ARGV: the holder, milliseconds of a lease. */
const RENEW = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('zadd', KEYS[1], 'XX', now + ARGV[2], ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[2])
return 1`;

/** Limits of several processes, counted in one Redis. While that cannot be reached, each process counts by itself. */
export class RedisLimitStore implements LimitStore {
  readonly #windowSeconds: number;
  readonly #redis: Redis;
  readonly #counts: RateLimiterRedis;
  /** For as long as Redis cannot be reached. */
  readonly #insurance: MemoryLimitStore;
  readonly #prefix: string;
  readonly #leaseMs: number;
  readonly #log: RedisLimitOptions['log'];
  readonly #held = new Map<string, string>();
  readonly #renewal: ReturnType<typeof setInterval>;
  #isLost = false;
  #isClosed = false;

  private constructor(
    redis: Redis,
    { windowSeconds, log, prefix = 'starling:limits', leaseMs = LEASE_MS }: RedisLimitOptions,
  ) {
    this.#windowSeconds = windowSeconds;
    this.#redis = redis;
    this.#prefix = prefix;
    this.#leaseMs = leaseMs;
    this.#log = log;
    this.#insurance = new MemoryLimitStore(windowSeconds);
    const options = limiterOptions(windowSeconds);
    this.#counts = new RateLimiterRedis({
      ...options,
      storeClient: redis,
      keyPrefix: prefix,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory(options),
    });
    this.#renewal = setInterval(() => this.#renew(), leaseMs / 3);
    this.#renewal.unref();
    redis.on('error', (error) => this.#lost(error));
    redis.on('ready', () => this.#found());
  }

  /** @throws StarlingError invalid_argument if there is no Redis at the address to begin with */
  static async connect(options: RedisLimitOptions): Promise<RedisLimitStore> {
    const redis = await connectRedis(options.url, 'limits');
    return new RedisLimitStore(redis, options);
  }

  async add(name: string, amount: number): Promise<WindowCount> {
    return countOf(await this.#counts.penalty(name, amount), this.#windowSeconds);
  }

  async read(name: string): Promise<WindowCount> {
    return countOf(await this.#counts.get(name), this.#windowSeconds);
  }

  async acquire(name: string, limit: number): Promise<Lease | undefined> {
    const key = `${this.#prefix}:held:${name}`;
    const holder = crypto.randomUUID();
    try {
      if ((await this.#redis.eval(ACQUIRE, 1, key, limit, holder, this.#leaseMs)) === 0) return undefined;
    } catch (error) {
      this.#lost(error);
      return this.#insurance.acquire(name, limit);
    }
    this.#found();
    this.#held.set(holder, key);
    return { release: () => this.#release(holder, key) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held].map(([holder, key]) => this.#release(holder, key)));
    this.abandon();
  }

  /** Lets go of Redis and gives nothing back, as a process does that dies. */
  abandon(): void {
    this.#isClosed = true;
    clearInterval(this.#renewal);
    this.#redis.disconnect();
  }

  async #release(holder: string, key: string): Promise<void> {
    if (!this.#held.delete(holder)) return;
    try {
      await this.#redis.zrem(key, holder);
    } catch (error) {
      // Its lease ends by itself.
      this.#lost(error);
    }
  }

  #renew(): void {
    for (const [holder, key] of this.#held)
      this.#redis.eval(RENEW, 1, key, holder, this.#leaseMs).catch((error: unknown) => this.#lost(error));
  }

  /** Told once, however many requests find out. */
  #lost(error: unknown): void {
    if (this.#isLost || this.#isClosed) return;
    this.#isLost = true;
    this.#log.warn({ err: error }, 'Redis cannot be reached: until it can, limits are counted by this process alone');
  }

  #found(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#log.info({}, 'Redis is reached again: limits are counted there');
  }
}
