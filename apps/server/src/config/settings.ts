import { isDeepStrictEqual } from 'node:util';
import { ADAPTER_SETTINGS } from './adapter-settings.js';
import { ANSWER_SETTINGS, SAMPLING_SETTINGS } from './answer-settings.js';
import { MODEL_SETTINGS, STORAGE_SETTINGS } from './model-settings.js';
import {
  ACCESS_SETTINGS,
  NETWORK_SETTINGS,
  PROCESS_SETTINGS,
  QUEUE_SETTINGS,
  ROUTE_SETTINGS,
} from './server-settings.js';
import type { Setting, ValueOf } from './setting-values.js';

/** Settings that belong together. */
export interface SettingGroup {
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting>>;
}

/** All settings by what they are about, in the order of the help and of the documents. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  { title: 'Models', settings: MODEL_SETTINGS },
  { title: 'Adapters of the first model', settings: ADAPTER_SETTINGS },
  { title: 'Network', settings: NETWORK_SETTINGS },
  { title: 'Access', settings: ACCESS_SETTINGS },
  { title: 'Queue and tenants', settings: QUEUE_SETTINGS },
  { title: 'Sessions and storage', settings: STORAGE_SETTINGS },
  { title: 'Process', settings: PROCESS_SETTINGS },
  { title: 'Routes', settings: ROUTE_SETTINGS },
  { title: 'Answers, where a request does not say', settings: ANSWER_SETTINGS },
  { title: 'Sampling, where a request does not say', settings: SAMPLING_SETTINGS },
];

/** Every setting of `serve`: the one table behind flags, environment, file, help and documents. */
export const SETTINGS = {
  ...MODEL_SETTINGS,
  ...ADAPTER_SETTINGS,
  ...NETWORK_SETTINGS,
  ...ACCESS_SETTINGS,
  ...QUEUE_SETTINGS,
  ...STORAGE_SETTINGS,
  ...PROCESS_SETTINGS,
  ...ROUTE_SETTINGS,
  ...ANSWER_SETTINGS,
  ...SAMPLING_SETTINGS,
};

export type SettingName = keyof typeof SETTINGS;

/** Everything that `serve` can be told; what each says stands in its help. */
export type ServeConfig = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

/** How much is logged: lines of this level and above. */
export type LogLevel = ServeConfig['logLevel'];

/** Names of settings whose values differ. */
function changedSettings(before: ServeConfig, after: ServeConfig): SettingName[] {
  return (Object.keys(SETTINGS) as SettingName[]).filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** Whether a server that runs takes a new value. */
const isLive = (name: SettingName): boolean => (SETTINGS[name] as Setting).isLive === true;

/** What a server that runs with one configuration makes of another: that one's values where it can take them, and the names of those that wait for a restart. */
export function liveChange(
  running: ServeConfig,
  next: ServeConfig,
): { readonly config: ServeConfig; readonly waiting: readonly SettingName[] } {
  const waiting = changedSettings(running, next).filter((name) => !isLive(name));
  return { config: { ...next, ...Object.fromEntries(waiting.map((name) => [name, running[name]])) }, waiting };
}
