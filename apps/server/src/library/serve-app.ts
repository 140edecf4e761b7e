import type { Hono } from 'hono';
import { listen } from '../listen.js';

export interface ServeAppOptions {
  /** Addresses, with commas between. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any that is free. */
  readonly port?: number;
}

/** An app that is served. */
export interface ServedApp {
  /** Where clients find it, without a slash at the end. */
  readonly url: string;
  /** Ends it: answers under way are cut. Once. */
  close(): Promise<void>;
}

/**
 * Serves an app over HTTP in this process.
 * @throws StarlingError conflict if the port is taken, invalid_argument if the address cannot be listened on
 */
export async function serveApp(
  app: Pick<Hono, 'fetch'>,
  { host = '127.0.0.1', port = 0 }: ServeAppOptions = {},
): Promise<ServedApp> {
  const listening = await listen(app, host, port);
  let closed: Promise<void> | undefined;
  return { url: listening.url, close: () => (closed ??= listening.close(AbortSignal.abort(), 0)) };
}
