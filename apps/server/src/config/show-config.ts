import { DEFAULT_SOURCE, environmentName, fileKey, type ExplainedConfig } from './resolve-config.js';
import type { Setting } from './setting-values.js';
import { SETTING_GROUPS, type SettingName } from './settings.js';

/** A setting as it counts: its key in a file, its value with what is secret taken out, and who gave it. */
export interface ShownSetting {
  readonly key: string;
  /** undefined: there is none, and the server decides. */
  readonly value: unknown;
  readonly source: string;
}

/** All settings in the order of the help; values as a file would have them, but for what is secret. */
export function shownSettings({ config, sources }: ExplainedConfig): ShownSetting[] {
  const names = SETTING_GROUPS.flatMap(({ settings }) => Object.entries(settings));
  return names.map(([name, setting]) => ({
    key: fileKey(name),
    value: shownValue(setting, config[name as SettingName]),
    source: sources[name as SettingName],
  }));
}

function shownValue({ secret }: Setting, value: unknown): unknown {
  if (secret === 'all' && Array.isArray(value)) return value.map(() => '(hidden)');
  if (secret === 'credentials' && typeof value === 'string') return value.replace(/\/\/[^@/]*@/, '//(hidden)@');
  return value;
}

/** Variables of the environment that look like settings and are none: most often a mistyped name. */
export function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set([
    ...SETTING_GROUPS.flatMap(({ settings }) => Object.keys(settings).map(environmentName)),
    ...OTHER_VARIABLES,
  ]);
  return Object.keys(environment).filter((name) => name.startsWith('STARLING_') && !known.has(name));
}

/** The folder of pulled models: it is not the server's alone. */
const OTHER_VARIABLES = ['STARLING_HOME'];

/** Whether nobody gave the value. */
export const isDefault = ({ source }: ShownSetting): boolean => source === DEFAULT_SOURCE;
