import type { RequestTrace } from '@starling/telemetry/tracing';
import type { Context } from 'hono';
import type { Principal } from './access/principal.js';
import type { Dialect } from './dialects/dialect.js';
import type { Logger } from './parts.js';
import type { RequestUsage } from './serving/usage.js';

/** What is known of a request on its way. */
export interface AppVariables {
  /** The client's own `x-request-id` if it was sane, else a new one. */
  requestId: string;
  /** Writes log lines that carry the request's id. */
  log: Logger;
  /** Who calls. What is computed for one is not shared with another. */
  principal: Principal;
  /** When it came, by the server's clock. */
  receivedAt: number;
  /** The API whose route took the request, once one has. */
  dialect?: Dialect;
  /** What it has cost, once a route has taken it. */
  usage?: RequestUsage;
  /** The span that it is, where traces are kept. */
  trace?: RequestTrace;
  /** The code of the error that it ended with, also inside a stream. */
  errorCode?: string;
  /** Set by routes that stream: settles when the last byte was handed over or the client has gone. */
  streamEnd?: Promise<void>;
}

/** The Hono environment of the app. */
export interface AppEnv {
  Variables: AppVariables;
}

export type AppContext = Context<AppEnv>;
