import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { AppContext } from '../context.js';
import { whenLookedAt } from './half-closed.js';

/** The client of one request, as long as it is there. */
export interface Client {
  /** Aborts when it goes away, or when its request is given up. */
  readonly signal: AbortSignal;
  /** Gives its request up: what is computed for it ends. */
  leave(): void;
  /** Has something said on its stream when it matters whether it is there. Until the request is over. */
  whenLookedAt(speak: () => void): void;
  /** The request is over: nothing listens any more. */
  end(): void;
}

/** What ends with a connection: of requests that were sent one behind the other, HTTP tells the first alone that its client has gone. */
const endings = new WeakMap<Socket, Set<() => void>>();

/** The client of a request: it goes when its request is aborted or its connection is lost. */
export function clientOf(c: AppContext): Client {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  const { signal: request } = c.req.raw;
  if (request.aborted) leave();
  else request.addEventListener('abort', leave, { once: true });
  const socket = incomingOf(c)?.socket;
  const forget = onConnectionEnd(socket, leave);
  let unwatch: (() => void) | undefined;
  return {
    signal: gone.signal,
    leave,
    whenLookedAt(speak) {
      unwatch ??= socket && whenLookedAt(socket, speak);
    },
    end() {
      request.removeEventListener('abort', leave);
      forget();
      unwatch?.();
    },
  };
}

/** Node's own request, where there is one: tests call the app without. */
function incomingOf(c: AppContext): IncomingMessage | undefined {
  return (c.env as { readonly incoming?: IncomingMessage } | undefined)?.incoming;
}

function onConnectionEnd(socket: Socket | undefined, run: () => void): () => void {
  if (socket === undefined) return () => undefined;
  if (socket.destroyed) run();
  const waiting = endings.get(socket) ?? endingsOf(socket);
  waiting.add(run);
  return () => void waiting.delete(run);
}

/** A function of its own: what listens to a connection, which may stay open for months, would else hold the first request that came on it. */
function endingsOf(socket: Socket): Set<() => void> {
  const waiting = new Set<() => void>();
  endings.set(socket, waiting);
  socket.once('close', () => {
    for (const one of [...waiting]) one();
  });
  return waiting;
}
