import path from 'node:path';
import type { JsonSchema } from '@valibot/to-json-schema';
import { configFileSchema } from '../file-schema.js';
import { environmentName, fileKey } from '../resolve-config.js';
import type { Setting } from '../setting-values.js';
import { SETTING_GROUPS } from '../settings.js';

const docs = path.resolve(import.meta.dirname, '../../../../../docs');

/** Documents that are made from the settings, by where they lie. */
export const configurationDocuments = (): ReadonlyMap<string, string> =>
  new Map([
    [path.join(docs, 'configuration.md'), configurationPage()],
    [path.join(docs, 'configuration.schema.json'), `${JSON.stringify(configFileSchema(), undefined, 2)}\n`],
  ]);

/** `docs/configuration.md`: every setting with its names, its values and its default. */
function configurationPage(): string {
  return `# Configuration

Written by \`npm run docs\` from the settings in \`apps/server/src/config\`; not to be edited by hand.

\`starling serve\` takes a setting from the command line, else from the environment, else from a file (\`--config FILE\`, JSON or YAML), else its default. A
value that is wrong is refused wherever it stands, also where a stronger source overrides it; the error says which setting, where, and what may stand there.
\`starling config\`, with the same options, shows each value and where it comes from; keys and passwords are left out. \`starling config --schema\` prints
the file's JSON Schema (\`docs/configuration.schema.json\`), with which editors complete keys and mark mistakes.

\`\`\`yaml
# yaml-language-server: $schema=./configuration.schema.json
model: [/models/llama.gguf, /models/embed.gguf]
host: 0.0.0.0
api_keys_file: /etc/starling/keys.json
kv_dir: /var/lib/starling
kv_disk_limit: 20G
\`\`\`

Keys of the file are the options with \`_\` for \`-\`; lists are lists, a single value may stand by itself. In the environment a list holds one value. An empty
variable counts as none. Sizes in bytes take K, M, G and T (powers of 1024).

*Live*: a server that runs takes a new value on SIGHUP, or when the file changes, and loses no request by it: models that are new in \`model\` are loaded, those that are
no more in it end what they have begun and go, those whose file has changed are replaced. A configuration that is wrong changes nothing; what is not live waits for
a restart. Either is told in the log.

${SETTING_GROUPS.map(({ title, settings }) => `## ${title}\n\n${table(settings)}`).join('\n\n')}
`;
}

function table(settings: Readonly<Record<string, Setting>>): string {
  const rows = Object.entries(settings).map(
    ([name, setting]) =>
      `| ${flagOf(setting)} | \`${environmentName(name)}\`${name === 'config' ? '' : `<br>\`${fileKey(name)}\``} | ${cell(setting.help)} | ${valuesOf(setting.value.jsonSchema)} | ${usual(setting)} | ${setting.isLive ? 'live' : ''} | |`,
  );
  return [
    '| option | environment, file | what it says | values | default | |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const flagOf = ({ flag, short, placeholder, repeatable, negatable }: Setting): string =>
  `${short ? `\`-${short}\`, ` : ''}\`--${flag}${placeholder ? ` ${placeholder}` : ''}\`${negatable ? `, \`--no-${flag}\`` : ''}${repeatable ? ' (repeatable)' : ''}`;

/** What stands in the help of a default that depends on something stays there. */
function usual({ default: value }: Setting): string {
  if (value === undefined) return '';
  return Array.isArray(value) && value.length === 0 ? 'none' : `\`${cell(String(value))}\``;
}

/** A JSON Schema of a value in words. */
function valuesOf(schema: JsonSchema): string {
  const { type, minimum, maximum, anyOf, enum: options } = schema;
  if (options !== undefined) return options.map((option) => `\`${String(option)}\``).join(', ');
  if (anyOf !== undefined) return [...new Set(anyOf.map((option) => valuesOf(option as JsonSchema)))].join(', or ');
  if (type === 'array') return 'list';
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer' || type === 'number')
    return `${type === 'integer' ? 'integer' : 'number'}${range(minimum, maximum)}`;
  return type === 'object' ? 'JSON object' : 'text';
}

function range(minimum: unknown, maximum: unknown): string {
  const isBounded = typeof maximum === 'number' && maximum !== Number.MAX_SAFE_INTEGER;
  if (typeof minimum !== 'number') return '';
  return isBounded ? `, ${minimum} to ${maximum}` : `, at least ${minimum}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
