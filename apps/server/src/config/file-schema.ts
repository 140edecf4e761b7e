import type { JsonSchema } from '@valibot/to-json-schema';
import { fileKey } from './resolve-config.js';
import { SETTING_GROUPS } from './settings.js';

/** The JSON Schema of the configuration file, for editors: from the settings themselves. */
export function configFileSchema(): JsonSchema {
  const settings = SETTING_GROUPS.flatMap(({ settings }) => Object.entries(settings)).filter(
    ([name]) => name !== 'config',
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of starling serve',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      ...Object.fromEntries(
        settings.map(([name, { help, value, default: usual }]) => [
          fileKey(name),
          {
            description: help,
            ...value.jsonSchema,
            ...(usual !== undefined && { default: usual as JsonSchema['default'] }),
          },
        ]),
      ),
    },
    additionalProperties: false,
  };
}
