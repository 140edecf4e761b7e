import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { StarlingError } from '@starling/core';
import { native } from '../dialects/native/dialect.js';
import { errorReply } from './error-reply.js';
import { noteOwed, serveHalfClosed } from './half-closed.js';

/** Longer than proxies and clients keep idle connections, so that it is never us who close one that they are about to use. */
const KEEP_ALIVE_MS = 75_000;
/** How often connections are looked at that take too long. */
const CHECK_MS = 1000;

/** What is open to each server. */
const connections = new WeakMap<Server, Set<Socket>>();

/** What a client may take its time for. */
export interface HttpTimes {
  /** From the beginning of a connection, or of a request on it, until its headers are there. */
  readonly headersMs: number;
  /** Until the whole request is there, body and all. */
  readonly requestMs: number;
  readonly maxBodyBytes: number;
  /** Connections whose requests are answered; others are told so and closed, but for probes. Twice as many are open at most. */
  readonly maxConnections: number;
}

/** Whoever asks whether the server lives must hear so also when it has much to do. */
const PROBES = new Set(['/health', '/ready']);

/**
 * Node's server, so that what never reaches the app is answered in the one error shape too: what is no HTTP, what takes too long, what names
 * no host or several, what asks for a tunnel.
 */
export function createHttpServer(listener: RequestListener, times: HttpTimes, options: ServerOptions = {}): Server {
  const sockets = new Set<Socket>();
  /** Connections beyond those that are answered. */
  const surplus = new WeakSet<Socket>();
  const guarded: RequestListener = (request, response) => {
    const problem = hostProblem(request);
    if (surplus.has(request.socket) && !PROBES.has(request.url ?? '')) {
      const { status, headers, body } = refusal(
        new StarlingError(
          'queue_full',
          `${times.maxConnections} connections are open already; try again later, and keep those that you have`,
          { details: { limit: times.maxConnections, retryAfterMs: 1000 } },
        ),
      );
      response.writeHead(status, { ...headers, connection: 'close' }).end(body);
    } else if (problem === undefined && request.method === 'OPTIONS' && request.url === '*') {
      response.writeHead(204, { allow: 'GET, HEAD, POST, DELETE, OPTIONS' }).end();
    } else if (problem === undefined) {
      noteOwed(response);
      listener(request, response);
    } else {
      const { status, headers, body } = refusal(new StarlingError('invalid_request', problem));
      response.writeHead(status, { ...headers, connection: 'close' }).end(body);
    }
  };
  const server = createServer(
    {
      ...options,
      requireHostHeader: false,
      connectionsCheckingInterval: CHECK_MS,
      headersTimeout: times.headersMs,
      requestTimeout: times.requestMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    guarded,
  );
  serveHalfClosed(server);
  server.on('clientError', answerBrokenRequest);
  server.maxConnections = 2 * times.maxConnections;
  connections.set(server, sockets);
  server.on('connection', (socket) => {
    if (sockets.size >= times.maxConnections) surplus.add(socket);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // A body that is announced too large is not asked for: the app refuses it by its length.
  server.on('checkContinue', (request: IncomingMessage, response) => {
    if (!(Number(request.headers['content-length'] ?? 0) > times.maxBodyBytes)) response.writeContinue();
    guarded(request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response) => {
    const { headers, body } = refusal(
      new StarlingError(
        'invalid_request',
        `an expectation of "${String(request.headers.expect).slice(0, 80)}" cannot be met`,
      ),
    );
    response.writeHead(417, { ...headers, connection: 'close' }).end(body);
  });
  server.on('connect', (_request, socket: Duplex) =>
    end(
      socket,
      'HTTP/1.1 405 Method Not Allowed',
      new StarlingError('method_not_allowed', 'this server is no proxy: it takes no CONNECT'),
    ),
  );
  return server;
}

/**
 * Ends connections on which nothing was ever sent. Browsers and clients open such in advance, and Node counts them as busy: it gives their
 * first request time to come.
 */
export function closeUnused(server: Server): void {
  for (const socket of connections.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy();
}

/** A request has one host, since HTTP/1.1. */
function hostProblem({ rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i].toLowerCase() === 'host') hosts++;
  if (hosts > 1) return 'the request names several hosts';
  return hosts === 0 && httpVersion !== '1.0' ? 'the request names no host' : undefined;
}

/** What is not HTTP at all, or comes too slowly. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    end(
      socket,
      'HTTP/1.1 408 Request Timeout',
      new StarlingError('request_timeout', 'the request took too long to arrive'),
    );
  else if (error.code === 'HPE_HEADER_OVERFLOW')
    end(
      socket,
      'HTTP/1.1 431 Request Header Fields Too Large',
      new StarlingError('invalid_request', 'the headers of the request are too large'),
    );
  else
    end(
      socket,
      'HTTP/1.1 400 Bad Request',
      new StarlingError('invalid_request', `this is not a request in HTTP: ${error.message}`),
    );
}

function end(socket: Duplex, status: string, error: StarlingError): void {
  const { headers, body } = refusal(error);
  const lines = [
    status,
    ...Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** An error of a request that never reaches the app. */
export function refusal(error: StarlingError): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  const requestId = crypto.randomUUID();
  const { facts, headers } = errorReply(error, native.errors, requestId);
  const body = JSON.stringify(native.errorBody(facts));
  return {
    status: facts.status,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
    },
    body,
  };
}
