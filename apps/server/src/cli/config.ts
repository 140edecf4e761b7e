import { printable } from '@starling/core';
import type { Command } from 'commander';
import { configFileSchema } from '../config/file-schema.js';
import { explainConfig } from '../config/resolve-config.js';
import { isDefault, shownSettings, unknownVariables, type ShownSetting } from '../config/show-config.js';
import { columns } from './columns.js';
import { write, type CliIo } from './io.js';
import { addServeOptions, asUsage, flagsOf } from './serve-options.js';

interface ShowOptions {
  readonly json?: boolean;
  readonly schema?: boolean;
  readonly changed?: boolean;
}

/** `starling config`: what `serve` would be told by the same options, and who says so. */
export function registerConfig(program: Command, io: CliIo): void {
  const command = program
    .command('config')
    .description(
      'show the configuration that serve would have with the same options, and where each value comes from; keys and passwords are left out',
    )
    .option('--json', 'one JSON object')
    .option('--changed', 'only what somebody set')
    .option('--schema', 'print the JSON Schema of the configuration file, for editors');
  addServeOptions(command).action(async (options: ShowOptions & Record<string, unknown>) => {
    if (options.schema) return write(io.stdout, `${JSON.stringify(configFileSchema(), undefined, 2)}\n`);
    const explained = asUsage(() => explainConfig({ flags: flagsOf(options), environment: io.environment }));
    const shown = shownSettings(explained).filter((setting) => !options.changed || !isDefault(setting));
    for (const name of unknownVariables(io.environment))
      io.stderr.write(`starling: ${printable(name)} is set, but no setting is called so\n`);
    const rows = shown.map(({ key, value, source }) => [key, printable(textOf(value)), printable(source)]);
    await write(
      io.stdout,
      options.json
        ? `${JSON.stringify(asObject(shown), undefined, 2)}\n`
        : columns([['SETTING', 'VALUE', 'FROM'], ...rows])
            .map((line) => `${line}\n`)
            .join(''),
    );
  });
}

const textOf = (value: unknown): string =>
  value === undefined ? '-' : typeof value === 'string' ? value : JSON.stringify(value);

const asObject = (shown: readonly ShownSetting[]) =>
  Object.fromEntries(shown.map(({ key, value, source }) => [key, { value: value ?? null, source }]));
