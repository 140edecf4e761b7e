import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { messageOf, StarlingError } from '@starling/core';
import type { Hono } from 'hono';
import { closeUnused, createHttpServer, refusal, type HttpTimes } from './serving/http-server.js';
import type { AppEnv } from './context.js';
import { UsualServerResponse } from './header-names.js';
import { systemCode } from './system-code.js';
import { whenAborted } from './when-aborted.js';

/** What clients may take their time for, where nothing else is said. */
const HTTP_TIMES: HttpTimes = {
  headersMs: 15_000,
  requestMs: 120_000,
  maxBodyBytes: 8 * 2 ** 20,
  maxConnections: 4096,
};
/** How often a closing server looks for connections that have nothing more to do. */
const IDLE_SWEEP_MS = 50;

/** What answers requests. */
type Served = Pick<Hono<AppEnv>, 'fetch'> | Pick<Hono, 'fetch'>;

/** A server that takes connections. */
export interface Listening {
  /** Where clients find it, without a slash at the end. */
  readonly url: string;
  /** Takes no more connections and lets requests under way end until `deadline` aborts; after `farewellMs` more it cuts what is left. */
  close(deadline: AbortSignal, farewellMs: number): Promise<void>;
}

/**
 * Opens the port, on each of the addresses.
 * @param hosts one address, or several with commas between
 * @throws StarlingError conflict if the port is taken, invalid_argument if the address cannot be listened on
 */
export async function listen(
  app: Served,
  hosts: string,
  port: number,
  times: HttpTimes = HTTP_TIMES,
): Promise<Listening> {
  const [first, ...others] = hosts.split(',').map((host) => host.trim());
  const servers = [await openOne(app, first, port, times)];
  const address = servers[0].address() as AddressInfo;
  try {
    // What the system picked for the first is taken for all.
    for (const host of others) servers.push(await openOne(app, host, address.port, times));
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return {
    url: `http://${urlHost(address)}:${address.port}`,
    async close(deadline, farewellMs) {
      await Promise.all(servers.map((server) => closeOne(server, deadline, farewellMs)));
    },
  };
}

async function openOne(app: Served, host: string, port: number, times: HttpTimes): Promise<Server> {
  const server = createHttpServer(
    getRequestListener(app.fetch, { hostname: host, errorHandler: answerBrokenTarget }),
    times,
    { ServerResponse: UsualServerResponse },
  );
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(error, host, port);
  }
  return server;
}

async function closeOne(server: Server, deadline: AbortSignal, farewellMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const sweep = setInterval(() => {
    // A connection that was kept alive goes idle only when its last answer has gone out.
    server.closeIdleConnections();
    closeUnused(server);
  }, IDLE_SWEEP_MS);
  let cut: ReturnType<typeof setTimeout> | undefined;
  const forget = whenAborted(deadline, () => void (cut = setTimeout(() => server.closeAllConnections(), farewellMs)));
  await closed;
  forget();
  clearInterval(sweep);
  clearTimeout(cut);
}

/** A wildcard address cannot be called; the loopback address can. */
function urlHost({ address, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return 'localhost';
  return family === 'IPv6' ? `[${address}]` : address;
}

function cannotListen(error: unknown, host: string, port: number): StarlingError {
  if (systemCode(error) === 'EADDRINUSE') {
    return new StarlingError(
      'conflict',
      `port ${port} of ${host} is taken: choose another with --port, or 0 for any that is free`,
      { details: { host, port }, cause: error },
    );
  }
  return new StarlingError('invalid_argument', `cannot listen on ${host}, port ${port}: ${messageOf(error)}`, {
    details: { host, port },
    cause: error,
  });
}

/** A request whose target or host is not a URL never reaches the app. */
function answerBrokenTarget(error: unknown): Response {
  const { status, headers, body } = refusal(
    new StarlingError('invalid_request', `the request's target or host is not valid: ${messageOf(error)}`, {
      cause: error,
    }),
  );
  return new Response(body, { status, headers });
}
