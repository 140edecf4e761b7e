import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long after a client ended its side, and after the last look, its connection is looked at again; then as the last says. */
const LOOKS_MS = [0, 50, 200, 1000, 5000] as const;

/** Answers of each connection that are not whole yet, in the order of their requests. */
const owed = new WeakMap<Socket, Set<ServerResponse>>();

/** What says something on the streams of each connection. */
const speakers = new WeakMap<Socket, Set<() => void>>();

/**
 * Answers clients that end their side of a connection once they have asked, as `nc -N` does. One that has gone altogether looks the same until
 * something is sent to it, which its system then refuses. So something is: on a stream what streams are silent with, and before an answer
 * interim responses, which clients skip. HTTP before 1.1 has none: there it has gone.
 */
export function serveHalfClosed(server: Server): void {
  // By default Node closes the connection then, and the answer is lost.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', watch);
}

/** Notes that an answer is owed. */
export function noteOwed(response: ServerResponse): void {
  const { socket } = response.req;
  owed.set(socket, (owed.get(socket) ?? new Set()).add(response));
  response.once('close', () => owed.get(socket)?.delete(response));
}

/** Has something said on a stream of a connection, whenever it matters whether anybody hears it; the returned function ends that. */
export function whenLookedAt(socket: Socket, speak: () => void): () => void {
  speakers.set(socket, (speakers.get(socket) ?? new Set()).add(speak));
  return () => void speakers.get(socket)?.delete(speak);
}

function watch(socket: Socket): void {
  socket.once('end', () => lookLater(socket, 0));
}

function lookLater(socket: Socket, count: number): void {
  const later = (): void => {
    const [response] = owed.get(socket) ?? [];
    if (response === undefined || socket.destroyed) return;
    look(socket, response);
    lookLater(socket, count + 1);
  };
  setTimeout(later, LOOKS_MS[Math.min(count, LOOKS_MS.length - 1)]).unref();
}

function look(socket: Socket, response: ServerResponse): void {
  const { httpVersionMajor: major, httpVersionMinor: minor } = response.req;
  if (response.headersSent) for (const speak of speakers.get(socket) ?? []) speak();
  else if (major > 1 || minor >= 1) response.writeProcessing();
  else socket.destroy();
}
