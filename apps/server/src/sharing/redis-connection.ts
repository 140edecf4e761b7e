import { StarlingError, messageOf } from '@starling/core';
import { Redis } from 'ioredis';

/** A request waits no longer than this for an answer. */
const COMMAND_MS = 1000;
const CONNECT_MS = 3000;
const MAX_RECONNECT_MS = 2000;

/**
 * A connection that is made anew when it is lost. What is asked meanwhile fails at once: nothing is kept for later.
 * @param purpose what it is for, in messages
 * @throws StarlingError invalid_argument if there is no Redis at the address to begin with
 */
export async function connectRedis(url: string, purpose: string): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, MAX_RECONNECT_MS),
  });
  let lastError: unknown;
  const note = (error: unknown): void => void (lastError = error);
  redis.on('error', note);
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw new StarlingError(
      'invalid_argument',
      `no Redis for ${purpose} at ${withoutPassword(url)}: ${messageOf(lastError ?? error)}`,
      { cause: error },
    );
  }
  return redis;
}

/** An address for messages. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
