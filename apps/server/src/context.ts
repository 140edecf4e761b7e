import type { Context } from 'hono';
import type { RequestLog } from './parts.js';

/** What the middleware leaves on a request for its route. */
export interface AppVariables {
  /** The client's own `x-request-id` if it was sane, else a new one. */
  requestId: string;
  /** Writes log lines that carry the request's id. */
  log: RequestLog;
  /** Set by routes that stream: settles when the last byte was handed over or the client has gone. */
  streamEnd?: Promise<void>;
}

/** The Hono environment of the app. */
export interface AppEnv {
  Variables: AppVariables;
}

export type AppContext = Context<AppEnv>;
