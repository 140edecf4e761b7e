import { Option, type Command } from 'commander';
import { addKey, readEntries, revokeKey, type KeyEntry, type NewKey } from '../access/key-file.js';
import { ROLES, TOP_PRIORITY, type Role } from '../access/principal.js';
import { defaultKeysFile } from '../access/keys-folder.js';
import { columns } from './columns.js';
import { write, type CliIo } from './io.js';
import { usageError } from './program.js';
import { gather, integer, number } from './values.js';

interface AddOptions {
  readonly apiKeysFile?: string;
  readonly role: Role;
  readonly weight?: number;
  readonly models?: readonly string[];
  readonly rpm?: number;
  readonly tpm?: number;
  readonly concurrency?: number;
  readonly priority?: string;
}

/** `starling keys`: API keys in a file that `serve --api-keys-file` reads. */
export function registerKeys(program: Command, io: CliIo): void {
  const keys = program
    .command('keys')
    .description('add, list and revoke API keys in a file; a server that serves with it follows');
  const withFile = (command: Command): Command =>
    command.option(
      '--api-keys-file <FILE>',
      'the file (default: $STARLING_API_KEYS_FILE, else keys.json in your folder of settings)',
    );
  const fileOf = ({ apiKeysFile }: { readonly apiKeysFile?: string }): string =>
    apiKeysFile ?? (io.environment.STARLING_API_KEYS_FILE || defaultKeysFile(io.environment));

  withFile(keys.command('add'))
    .description('make a key and print it, this once: the file holds its SHA-256 alone')
    .argument('<NAME>', 'what the key is called in lists and logs')
    .addOption(new Option('--role <ROLE>', 'what it is for').choices([...ROLES]).default('user'))
    .option('--weight <N>', 'its share of the time where several want it (default: 1)', number(0))
    .option(
      '--models <NAME>',
      'a model that it may use, or the beginning of names and *; may be given several times, or split by commas (default: all)',
      gather,
    )
    .option('--rpm <N>', 'requests a minute (default: no limit)', integer(1))
    .option('--tpm <N>', 'tokens a minute, of prompts and answers (default: no limit)', integer(1))
    .option('--concurrency <N>', 'requests at once (default: no limit)', integer(1))
    .option(
      '--priority <N>',
      `the highest priority that it may ask for, ${-TOP_PRIORITY} to ${TOP_PRIORITY} (default: 0; of administrators ${TOP_PRIORITY})`,
    )
    .action(async (name: string, options: AddOptions) => {
      const file = fileOf(options);
      const key = addKey(file, newKeyOf(name, options));
      await write(io.stdout, `${key}\n`);
      io.stderr.write(`Kept in ${file}; serve with --api-keys-file ${file}\n`);
    });
  withFile(keys.command('list'))
    .description('list the keys')
    .option('--json', 'one JSON array')
    .action(async (options: { readonly apiKeysFile?: string; readonly json?: boolean }) => {
      const entries = readEntries(fileOf(options));
      await write(
        io.stdout,
        options.json
          ? `${JSON.stringify(entries)}\n`
          : columns(entries.map(rowOf))
              .map((line) => `${line}\n`)
              .join(''),
      );
    });
  withFile(keys.command('revoke'))
    .description('take keys out')
    .argument('<NAME...>', 'names as list shows them')
    .action(async (names: string[], options: { readonly apiKeysFile?: string }) => {
      for (const name of names) {
        revokeKey(fileOf(options), name);
        await write(io.stdout, `${name}\n`);
      }
    });
}

function newKeyOf(name: string, { role, weight, models, rpm, tpm, concurrency, priority }: AddOptions): NewKey {
  if (weight === 0) throw usageError('--weight: expected a number above 0');
  const given = {
    weight,
    rpm,
    tpm,
    concurrency,
    models: models?.flatMap((list) => list.split(',')),
    ...(priority !== undefined && { priority: priorityOf(priority) }),
  };
  return {
    name,
    role,
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<NewKey>),
  };
}

function priorityOf(text: string): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
  if (!(Math.abs(value) <= TOP_PRIORITY))
    throw usageError(`--priority: expected an integer from ${-TOP_PRIORITY} to ${TOP_PRIORITY}, received "${text}"`);
  return value;
}

function rowOf({ name, role, sha256, weight, models, rpm, tpm, concurrency, priority, created }: KeyEntry): string[] {
  const limits = Object.entries({
    weight: weight === 1 ? undefined : weight,
    rpm,
    tpm,
    concurrency,
    priority,
    models: models?.join(','),
  });
  const told = limits.flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${value}`]));
  return [name, role, sha256.slice(0, 12), created?.slice(0, 10) ?? '', told.join(', ')];
}
