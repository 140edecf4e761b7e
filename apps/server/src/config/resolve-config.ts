import fs from 'node:fs';
import { StarlingError } from '@starling/core';
import * as v from 'valibot';
import { isLoopback } from '../middleware/loopback.js';
import { readConfigFile, type ConfigFile } from './config-file.js';
import type { Setting } from './setting-values.js';
import { SETTINGS, type ServeConfig, type SettingName } from './settings.js';

/** Where values of settings may come from, strongest first. */
export interface ConfigSources {
  /** By setting, as the command line gave them: only those that were given. */
  readonly flags: Partial<Record<SettingName, unknown>>;
  /** The process's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a text file; tests pass their own. */
  readonly readFile?: (file: string) => string;
}

/** A configuration, and where each of its values comes from, in words. */
export interface ExplainedConfig {
  readonly config: ServeConfig;
  readonly sources: Readonly<Record<SettingName, string>>;
}

/** Where a value comes from that nobody gave. */
export const DEFAULT_SOURCE = 'default';

const TABLE: Readonly<Record<string, Setting>> = SETTINGS;

/** What any one source may say: each setting or none, and no other. */
export const SOURCE_SCHEMA = v.strictObject(
  Object.fromEntries(Object.entries(TABLE).map(([name, { value }]) => [name, v.optional(value)])),
);

/** What is used where nobody says anything. */
const DEFAULTS = v.parse(
  SOURCE_SCHEMA,
  Object.fromEntries(
    Object.entries(TABLE).flatMap(([name, setting]) =>
      setting.default === undefined ? [] : [[name, setting.default]],
    ),
  ),
);

/**
 * The configuration of `serve`: flag, then environment (`STARLING_` and the flag's name), then config file, then default.
 * @throws StarlingError invalid_argument naming the source of every value that is wrong, also of those that a stronger source overrides
 */
export function resolveConfig(sources: ConfigSources): ServeConfig {
  return explainConfig(sources).config;
}

/** The same, with where each value comes from. */
export function explainConfig({
  flags,
  environment,
  readFile = (file) => fs.readFileSync(file, 'utf8'),
}: ConfigSources): ExplainedConfig {
  const fromEnvironment = entriesOf((name) => environment[environmentName(name)] || undefined);
  const configFile = flags.config ?? fromEnvironment.config;
  const file: ConfigFile =
    configFile === undefined
      ? { values: {}, placeOf: String }
      : readConfigFile(String(configFile), namesByKey, readFile);
  const given: readonly Source[] = [
    { raw: file.values, placeOf: file.placeOf },
    // An empty variable is one that is not set: that is how shells and compose files unset them.
    { raw: fromEnvironment, placeOf: environmentName },
    { raw: entriesOf((name) => flags[name as SettingName]), placeOf: (name) => `--${flagName(name)}` },
  ];
  const values: Record<string, unknown> = { ...DEFAULTS };
  const sources = Object.fromEntries(Object.keys(TABLE).map((name) => [name, DEFAULT_SOURCE]));
  const problems: string[] = [];
  for (const source of given) {
    const parsed = v.safeParse(SOURCE_SCHEMA, source.raw);
    if (!parsed.success) problems.push(...parsed.issues.map((issue) => problemOf(issue, source)));
    for (const [name, value] of Object.entries(parsed.success ? parsed.output : {})) {
      values[name] = value;
      sources[name] = source.placeOf(name);
    }
  }
  if (problems.length > 0) throw new StarlingError('invalid_argument', problems.join('; '), { details: { problems } });
  const config = values as ServeConfig;
  refuseOpenDoor(config);
  return { config, sources: sources as Record<SettingName, string> };
}

interface Source {
  readonly raw: Readonly<Record<string, unknown>>;
  placeOf(name: string): string;
}

const entriesOf = (valueOf: (name: string) => unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.keys(TABLE)
      .map((name) => [name, valueOf(name)])
      .filter(([, value]) => value !== undefined),
  );

/** Where it is, what may stand there, and what does; what is secret stays out of it. */
function problemOf(issue: v.BaseIssue<unknown>, { raw, placeOf }: Source): string {
  const [name, item] = (issue.path ?? []).map(({ key }) => key);
  const setting = String(name);
  const place = `${placeOf(setting)}${typeof item === 'number' && Array.isArray(raw[setting]) ? `, item ${item + 1}` : ''}`;
  if (TABLE[setting].secret !== undefined) return `${place}: expected ${issue.message}`;
  const received = item === undefined ? raw[setting] : issue.input;
  return `${place}: expected ${issue.message}, received ${JSON.stringify(received)}`;
}

/** Without keys everybody who reaches the address may do everything: that must be this machine alone, or wanted. */
function refuseOpenDoor({
  host,
  apiKeys,
  adminApiKeys,
  metricsApiKeys,
  apiKeysFile,
  insecureNoAuth,
}: ServeConfig): void {
  const hasKeys = apiKeysFile !== undefined || [apiKeys, adminApiKeys, metricsApiKeys].some((keys) => keys.length > 0);
  if (hasKeys || insecureNoAuth || host.split(',').every((address) => isLoopback(address.trim()))) return;
  const message = `--host ${host} can be reached from other machines, and no keys are asked for: give --api-keys-file (see starling keys add) or --api-key, or --insecure-no-auth if everybody may do everything`;
  throw new StarlingError('invalid_argument', message, { details: { host } });
}

/** `ctxSize` is `ctx-size` on the command line. */
const flagName = (name: string) => TABLE[name].flag;

/** `ctxSize` is `STARLING_CTX_SIZE` in the environment. */
export const environmentName = (name: string) => `STARLING_${flagName(name).replaceAll('-', '_').toUpperCase()}`;

/** `ctxSize` is `ctx_size` in a config file. */
export const fileKey = (name: string) => flagName(name).replaceAll('-', '_');

/** A file cannot name another one. */
const namesByKey: ReadonlyMap<string, string> = new Map(
  Object.keys(TABLE)
    .filter((name) => name !== 'config')
    .map((name) => [fileKey(name), name]),
);
