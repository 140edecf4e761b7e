import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { messageOf, StarlingError } from '@starling/core';
import type { Hono } from 'hono';
import { errorReply } from './adapters/error-body.js';
import type { AppEnv } from './context.js';
import { systemCode } from './system-code.js';
import { whenAborted } from './when-aborted.js';

/** Longer than proxies and clients keep idle connections, so that it is never us who close one that they are about to use. */
const KEEP_ALIVE_MS = 75_000;
/** How often a closing server looks for connections that have nothing more to do. */
const IDLE_SWEEP_MS = 50;

/** A server that takes connections. */
export interface Listening {
  /** Where clients find it, without a slash at the end. */
  readonly url: string;
  /** Takes no more connections and lets requests under way end until `deadline` aborts; after `farewellMs` more it cuts what is left. */
  close(deadline: AbortSignal, farewellMs: number): Promise<void>;
}

/**
 * Opens the port.
 * @throws StarlingError conflict if the port is taken, invalid_argument if the address cannot be listened on
 */
export async function listen(app: Hono<AppEnv>, host: string, port: number): Promise<Listening> {
  const server = createServer(getRequestListener(app.fetch, { hostname: host, errorHandler: answerBrokenTarget }));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('clientError', answerBrokenRequest);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(error, host, port);
  }
  const address = server.address() as AddressInfo;
  return {
    url: `http://${urlHost(address)}:${address.port}`,
    async close(deadline, farewellMs) {
      const closed = once(server, 'close');
      server.close();
      // A connection that was kept alive goes idle only when its last answer has gone out.
      const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
      let cut: ReturnType<typeof setTimeout> | undefined;
      const forget = whenAborted(deadline, () => void (cut = setTimeout(() => server.closeAllConnections(), farewellMs)));
      await closed;
      forget();
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

/** A wildcard address cannot be called; the loopback address can. */
function urlHost({ address, family }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return 'localhost';
  return family === 'IPv6' ? `[${address}]` : address;
}

function cannotListen(error: unknown, host: string, port: number): StarlingError {
  if (systemCode(error) === 'EADDRINUSE') {
    return new StarlingError('conflict', `port ${port} of ${host} is taken: choose another with --port, or 0 for any that is free`, { details: { host, port }, cause: error });
  }
  return new StarlingError('invalid_argument', `cannot listen on ${host}, port ${port}: ${messageOf(error)}`, { details: { host, port }, cause: error });
}

/** A request whose target or host is not a URL never reaches the app either. */
function answerBrokenTarget(error: unknown): Response {
  const failure = new StarlingError('invalid_request', `the request's target or host is not valid: ${messageOf(error)}`, { cause: error });
  const requestId = crypto.randomUUID();
  const { status, body } = errorReply(failure, requestId);
  return Response.json(body, { status, headers: { 'x-request-id': requestId } });
}

/** What is not HTTP at all never reaches the app; it gets the one error shape too. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const failure = isSlow
    ? new StarlingError('request_timeout', 'the request took too long to arrive')
    : new StarlingError('invalid_request', `this is not a request in HTTP: ${error.message}`);
  const requestId = crypto.randomUUID();
  const body = JSON.stringify(errorReply(failure, requestId).body);
  const head = [
    isSlow ? 'HTTP/1.1 408 Request Timeout' : 'HTTP/1.1 400 Bad Request',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
