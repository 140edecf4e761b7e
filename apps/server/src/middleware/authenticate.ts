import { StarlingError } from '@starling/core';
import type { MiddlewareHandler } from 'hono';
import type { KeyRing } from '../access/key-ring.js';
import { ANYBODY, WATCHER, type Principal } from '../access/principal.js';
import type { AppContext, AppEnv } from '../context.js';
import type { AppParts } from '../parts.js';

/** Finds out who calls: as the host says, or by the key that was sent as `Authorization: Bearer KEY` or `X-Api-Key: KEY`. Where no keys are asked for, all may do all. */
export function authenticate({
  keys,
  callerOf: hostsCaller,
  features,
}: Pick<AppParts, 'keys' | 'callerOf' | 'features'>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (hostsCaller) c.set('principal', known(await hostsCaller(c.env)));
    else if (features.openMetrics && keys.isAsked && c.req.path === '/metrics' && sentKey(c) === undefined)
      c.set('principal', WATCHER);
    else c.set('principal', keys.isAsked ? callerOf(c, keys) : ANYBODY);
    await next();
  };
}

/** @throws StarlingError unauthorized */
function known(principal: Principal | undefined): Principal {
  if (principal !== undefined) return principal;
  throw new StarlingError('unauthorized', 'the program that this server is part of does not know who calls');
}

const sentKey = (c: AppContext): string | undefined =>
  /^Bearer +(\S+)\s*$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? c.req.header('x-api-key');

/** @throws StarlingError unauthorized */
function callerOf(c: AppContext, keys: KeyRing): Principal {
  const sent = sentKey(c);
  const principal = sent === undefined ? undefined : keys.find(sent);
  if (principal !== undefined) return principal;
  c.header('www-authenticate', 'Bearer');
  throw new StarlingError(
    'unauthorized',
    sent === undefined
      ? 'this server asks for an API key: send it as "Authorization: Bearer KEY"'
      : 'the API key is not one of those that this server knows',
  );
}
