import { isStarlingError, StarlingError } from '@starling/core';
import { Option, type Command } from 'commander';
import type { Setting } from '../config/setting-values.js';
import { SETTING_GROUPS, SETTINGS, type SettingName } from '../config/settings.js';
import { gather } from './values.js';

/** Gives a command every option of `serve`, by groups. */
export function addServeOptions(command: Command): Command {
  for (const { title, settings } of SETTING_GROUPS) {
    for (const setting of Object.values(settings)) {
      command.addOption(optionOf(setting).helpGroup(`${title}:`));
      if (setting.negatable) command.addOption(new Option(`--no-${setting.flag}`).helpGroup(`${title}:`));
    }
  }
  return command.addHelpText(
    'after',
    '\nEach option can be set by an environment variable too: --ctx-size by STARLING_CTX_SIZE, and so on; and in a file, JSON or YAML: ctx_size.\nOrder: option, environment, config file, default. starling config shows what counts, and where it comes from.',
  );
}

function optionOf({ flag, short, placeholder, repeatable, help, default: value }: Setting): Option {
  const long = `--${flag}${placeholder ? ` <${placeholder}>` : ''}`;
  const isTold = typeof value === 'number' || typeof value === 'string';
  const option = new Option(short ? `-${short}, ${long}` : long, isTold ? `${help} (default: ${value})` : help);
  return repeatable ? option.argParser(gather) : option;
}

/** Commander names options by their flags; settings have names of their own. */
export function flagsOf(options: Record<string, unknown>): Partial<Record<SettingName, unknown>> {
  const camel = (flag: string) => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(SETTINGS).map(([name, { flag }]) => [name, options[camel(flag)]]));
}

/** A configuration that is wrong is bad usage, whatever it came from. */
export function asUsage<T>(resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    throw new StarlingError(error.code, error.message, { details: { ...error.details, isUsage: true }, cause: error });
  }
}
