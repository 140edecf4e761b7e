import { StarlingError } from '@starling/core';
import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';

/** From the most to the fewest lines. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Facts that must not reach a log, wherever they stand on the first three levels. */
const SECRETS = [
  'authorization',
  'api_key',
  'apiKey',
  'api_keys',
  'apiKeys',
  'x-api-key',
  'password',
  'secret',
  'token_secret',
  'cookie',
  'set-cookie',
];
const SECRET_PATHS = SECRETS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);

export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Facts on every line. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Where lines go: a file descriptor, or anything that takes strings. Default: stderr, so that stdout is left to results. */
  readonly to?: number | DestinationStream;
}

/**
 * A log of JSON lines: `time` (ISO 8601), `level` (a word), the facts, `msg`. Children (`log.child({ request_id })`) carry their
 * facts on each line. Values under names of secrets are replaced.
 * @throws StarlingError invalid_argument for an unknown level
 */
export function createLogger({ level = 'info', context = {}, to = 2 }: LoggerOptions = {}): Logger {
  if (!LOG_LEVELS.includes(level)) {
    throw new StarlingError(
      'invalid_argument',
      `log level: expected one of ${LOG_LEVELS.join(', ')}, received ${JSON.stringify(level)}`,
      { details: { level } },
    );
  }
  const stream = typeof to === 'number' ? destination({ dest: to, sync: false, minLength: 0 }) : to;
  return pino(
    {
      level,
      base: context,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS, censor: '[secret]' },
    },
    stream,
  );
}
