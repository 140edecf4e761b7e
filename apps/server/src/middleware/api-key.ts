import { createHash, timingSafeEqual } from 'node:crypto';
import { StarlingError } from '@starling/core';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../context.js';

/**
 * Lets a request pass if it carries one of the keys, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`; without keys, lets all pass.
 * Keys are compared by their digests, all of them, in constant time: neither a prefix nor the number of keys shows in the timing.
 */
export function apiKey(keys: readonly string[]): MiddlewareHandler<AppEnv> {
  const digests = keys.map(digestOf);
  return async (c, next) => {
    if (digests.length > 0) {
      const sent = /^Bearer +(\S+)\s*$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? c.req.header('x-api-key');
      if (sent === undefined || !isKnown(digests, sent)) {
        c.header('www-authenticate', 'Bearer');
        const message =
          sent === undefined ? 'this server asks for an API key: send it as "Authorization: Bearer KEY"' : 'the API key is not one of those that this server knows';
        throw new StarlingError('unauthorized', message);
      }
    }
    await next();
  };
}

function isKnown(digests: readonly Buffer[], sent: string): boolean {
  const digest = digestOf(sent);
  let known = false;
  for (const candidate of digests) known = timingSafeEqual(candidate, digest) || known;
  return known;
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
