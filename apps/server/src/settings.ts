import { StarlingError } from '@starling/core';

/** How much is logged: lines of this level and above. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Everything that `serve` can be told. */
export interface ServeConfig {
  /** Model files or names; empty: the demo model that comes with the server. */
  readonly model: readonly string[];
  readonly host: string;
  /** 0 lets the system pick a free one. */
  readonly port: number;
  readonly threads?: number;
  /** Tokens of context for one sequence; undefined: what the model was made for, as far as memory allows. */
  readonly ctxSize?: number;
  /** Sequences that run at once. */
  readonly parallel: number;
  readonly apiKeys: readonly string[];
  readonly apiKeysFile?: string;
  readonly config?: string;
  readonly logLevel: LogLevel;
  readonly deterministic: boolean;
  /** Serve files of the cache folder without holding them against their checksums first. */
  readonly skipVerify: boolean;
  readonly maxBodyBytes: number;
  /** How long requests under way may take to end when the server is told to stop. */
  readonly drainSeconds: number;
}

export type SettingName = keyof ServeConfig;

/** One setting: its name on the command line (other names follow from it), its help, and how a value is read. */
export interface Setting<T> {
  readonly flag: string;
  /** What stands for the value in the help; absent for switches. */
  readonly placeholder?: string;
  readonly short?: string;
  readonly repeatable?: boolean;
  readonly help: string;
  readonly default: T;
  /** Reads a value from any source: text, or JSON from a config file. @throws StarlingError invalid_argument naming the source */
  parse(value: unknown, source: string): T;
}

const refuse = (source: string, expected: string, value: unknown) =>
  new StarlingError('invalid_argument', `${source}: expected ${expected}, received ${JSON.stringify(value)}`, { details: { source, received: value } });

const integer = (min: number, max: number) => (value: unknown, source: string): number => {
  const read = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof read !== 'number' || !Number.isInteger(read) || read < min || read > max) throw refuse(source, `an integer from ${min} to ${max}`, value);
  return read;
};

const text = (value: unknown, source: string): string => {
  if (typeof value !== 'string' || value.trim() === '') throw refuse(source, 'a text that is not empty', value);
  return value;
};

const texts = (value: unknown, source: string): readonly string[] => (Array.isArray(value) ? value : [value]).map((item) => text(item, source));

const flag = (value: unknown, source: string): boolean => {
  if (typeof value === 'boolean') return value;
  if (value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  throw refuse(source, 'true or false', value);
};

const oneOf = <T extends string>(options: readonly T[]) => (value: unknown, source: string): T => {
  const found = options.find((option) => option === value);
  if (found === undefined) throw refuse(source, `one of ${options.join(', ')}`, value);
  return found;
};

const keys = (value: unknown, source: string): readonly string[] => {
  const read = texts(value, source);
  // The key itself stays out of the message.
  if (read.some((key) => /\s/.test(key))) throw new StarlingError('invalid_argument', `${source}: an API key cannot have white space in it`);
  return read;
};

const optional = <T>(parse: (value: unknown, source: string) => T): ((value: unknown, source: string) => T | undefined) => parse;

/** The one table of settings, in the order of the help. */
export const SETTINGS: { readonly [Name in SettingName]-?: Setting<ServeConfig[Name]> } = {
  model: { flag: 'model', short: 'm', placeholder: 'MODEL', repeatable: true, help: 'a GGUF file, a name in the cache folder, a URL, or hf:OWNER/REPO[:QUANT]; may be given several times (default: the demo model that comes with the server)', default: [], parse: texts },
  host: { flag: 'host', placeholder: 'HOST', help: 'address to listen on', default: '127.0.0.1', parse: text },
  port: { flag: 'port', placeholder: 'PORT', help: 'port to listen on; 0 picks a free one', default: 8080, parse: integer(0, 65_535) },
  threads: { flag: 'threads', short: 't', placeholder: 'N', help: 'threads that compute (default: one for each physical core)', default: undefined, parse: optional(integer(1, 256)) },
  ctxSize: { flag: 'ctx-size', short: 'c', placeholder: 'N', help: "tokens of context for one sequence (default: the model's own)", default: undefined, parse: optional(integer(1, 2 ** 24)) },
  parallel: { flag: 'parallel', placeholder: 'N', help: 'sequences that run at once', default: 16, parse: integer(1, 1024) },
  apiKeys: { flag: 'api-key', placeholder: 'KEY', repeatable: true, help: 'a key that clients must send; may be given several times', default: [], parse: keys },
  apiKeysFile: { flag: 'api-keys-file', placeholder: 'FILE', help: 'a file with one such key a line', default: undefined, parse: optional(text) },
  config: { flag: 'config', placeholder: 'FILE', help: 'a JSON file of settings, named as these options with _ for -', default: undefined, parse: optional(text) },
  logLevel: { flag: 'log-level', placeholder: 'LEVEL', help: 'debug, info, warn, error or silent', default: 'info', parse: oneOf(['debug', 'info', 'warn', 'error', 'silent']) },
  deterministic: { flag: 'deterministic', help: 'the same file, seed and request give the same bytes on every CPU', default: false, parse: flag },
  skipVerify: { flag: 'skip-verify', help: 'do not hold pulled models against their checksums before they are served', default: false, parse: flag },
  maxBodyBytes: { flag: 'max-body-bytes', placeholder: 'N', help: 'the largest request body', default: 8 * 2 ** 20, parse: integer(1024, 2 ** 30) },
  drainSeconds: { flag: 'drain-seconds', placeholder: 'N', help: 'how long requests under way may take to end on shutdown', default: 10, parse: integer(0, 3600) },
};
