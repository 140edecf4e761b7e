import fs from 'node:fs';
import { messageOf, StarlingError } from '@starling/core';
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

/**
 * The configuration of `serve`: flag, then environment (`STARLING_` and the flag's name), then config file, then default.
 * @throws StarlingError invalid_argument naming the source of a value that is wrong, also of one that a stronger source overrides
 */
export function resolveConfig({ flags, environment, readFile = (file) => fs.readFileSync(file, 'utf8') }: ConfigSources): ServeConfig {
  const configFile = flags.config ?? environment[environmentName('config')];
  const file = configFile === undefined || configFile === '' ? {} : readConfigFile(String(configFile), readFile);
  const values = Object.entries(SETTINGS).map(([name, setting]) => {
    const given = [
      ...candidate(flags[name as SettingName], `--${flagName(name)}`),
      ...candidate(fromEnvironment(environment[environmentName(name)]), environmentName(name)),
      ...candidate(file[name], `"${fileKey(name)}" in ${configFile}`),
    ].map(({ value, source }) => setting.parse(value, source));
    return [name, given.length > 0 ? given[0] : setting.default];
  });
  const config = Object.fromEntries(values) as ServeConfig;
  return { ...config, apiKeys: [...config.apiKeys, ...(config.apiKeysFile === undefined ? [] : readKeys(config.apiKeysFile, readFile))] };
}

/** `ctxSize` is `ctx-size` on the command line. */
export const flagName = (name: string) => SETTINGS[name as SettingName].flag;

/** `ctxSize` is `STARLING_CTX_SIZE` in the environment. */
export const environmentName = (name: string) => `STARLING_${flagName(name).replaceAll('-', '_').toUpperCase()}`;

/** `ctxSize` is `ctx_size` in a config file. */
export const fileKey = (name: string) => flagName(name).replaceAll('-', '_');

const candidate = (value: unknown, source: string) => (value === undefined ? [] : [{ value, source }]);

/** An empty variable is one that is not set: that is how shells and compose files unset them. */
const fromEnvironment = (value: string | undefined) => (value === '' ? undefined : value);

function readConfigFile(file: string, readFile: (file: string) => string): Partial<Record<string, unknown>> {
  const wrong = (why: string, cause?: unknown) => new StarlingError('invalid_argument', `config file ${file}: ${why}`, { details: { file }, cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFile(file));
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw wrong('expected one JSON object');
  const names = new Map(Object.keys(SETTINGS).filter((name) => name !== 'config').map((name) => [fileKey(name), name]));
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => {
      const name = names.get(key.replaceAll('-', '_'));
      if (name === undefined) throw wrong(`unknown key "${key}"; known are ${[...names.keys()].join(', ')}`);
      return [name, value];
    }),
  );
}

/** One key a line; empty lines and lines that start with # are left out. */
function readKeys(file: string, readFile: (file: string) => string): string[] {
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    throw new StarlingError('invalid_argument', `API keys file ${file}: ${messageOf(error)}`, { details: { file }, cause: error });
  }
  const keys = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0) throw new StarlingError('invalid_argument', `API keys file ${file}: it holds no key, so nobody could use the server`, { details: { file } });
  const broken = keys.findIndex((key) => /\s/.test(key));
  if (broken >= 0) throw new StarlingError('invalid_argument', `API keys file ${file}: key ${broken + 1} has white space in it`, { details: { file } });
  return keys;
}
