import { StarlingError } from '@starling/core';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../context.js';
import type { AppHosts } from '../parts.js';
import { allowsOrigin } from './cors.js';
import { hostName, isLoopback, LOOPBACK_NAMES } from './loopback.js';

/**
 * Keeps pages of other sites away from a server on the loopback address: a name of theirs can be made to lead here (DNS rebinding), and
 * then a browser lets them read the answers. Only requests that call this server by a loopback name, or by one of those allowed, pass; so do
 * `Origin`s of such names alone, and those that the operator lets in. A server on another address is called by names that it cannot know: there
 * all pass, and keys protect it.
 */
export function knownHost({ bound, allowed, corsOrigins }: AppHosts): MiddlewareHandler<AppEnv> {
  const addresses = bound.split(',').map((address) => address.trim().toLowerCase());
  const known = new Set([
    ...LOOPBACK_NAMES,
    ...addresses.map((address) => (address.includes(':') ? `[${address}]` : address)),
    ...allowed.map((name) => name.toLowerCase()),
  ]);
  const guards = addresses.every(isLoopback);
  return async (c, next) => {
    if (guards) {
      const { host: asked } = new URL(c.req.url);
      const named = c.req.header('host') ?? asked;
      const host = hostName(`http://${named}`);
      // A request may have a whole address in its first line: that is then who it calls, whatever its header says.
      const called = hostName(`http://${asked}`);
      if (host === undefined || !known.has(host) || called === undefined || !known.has(called)) {
        const message = `this server is not called "${excerpt(host !== undefined && known.has(host) ? asked : named)}": it listens on ${bound}; call it by that address, or start it with --allowed-host NAME`;
        throw new StarlingError('forbidden', message, { details: { host } });
      }
      const sent = c.req.header('origin');
      const origin = sent === undefined ? host : hostName(sent);
      if ((origin === undefined || !known.has(origin)) && !allowsOrigin(corsOrigins, sent ?? '')) {
        const message = `pages of "${excerpt(sent ?? '')}" may not use this server; start it with --allowed-host NAME or --cors-origins ORIGIN if they should`;
        throw new StarlingError('forbidden', message, { details: { origin: sent } });
      }
    }
    await next();
  };
}

const excerpt = (text: string) => text.slice(0, 80);
