import type { JsonSchema } from '@valibot/to-json-schema';
import type { Operation } from './openapi-types.js';

/** What belongs to no API: probes, and what people look at. */
export const SERVER_TAG = {
  name: 'server',
  description: 'Whether it lives and takes requests, and what it can do. No key is asked for.',
};

/** The operations that are no endpoint of a dialect. */
export const serverPaths = (): Record<string, Record<string, Operation>> => ({
  '/': {
    get: open('getPage', 'The chat page', 'text/html', {
      description:
        'For browsers; a client that does not ask for HTML is told `Ollama is running`. Absent where the server was started with --no-webui.',
    }),
  },
  '/docs': { get: open('getDocs', 'This document, to be read', 'text/html') },
  '/openapi.json': {
    get: open('getOpenApi', 'This document, in OpenAPI 3.1', 'application/json', { schema: { type: 'object' } }),
  },
  '/health': { get: open('getHealth', 'Whether the process lives', 'application/json', { schema: HEALTH }) },
  '/v1/health': { get: open('getV1Health', 'The same', 'application/json', { schema: HEALTH }) },
  '/ready': {
    get: {
      ...open('getReady', 'Whether requests find a model, and room in its queue', 'application/json'),
      responses: {
        200: answer('It does.', 'application/json', READINESS),
        503: answer('It does not; `checks` tells why.', 'application/json', READINESS),
        '4XX': REFUSED,
      },
    },
  },
});

const answer = (description: string, type: string, schema: JsonSchema = { type: 'string' }) => ({
  description,
  content: { [type]: { schema } },
});

const required = (properties: Record<string, JsonSchema>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
});
const HEALTH = required({ status: { const: 'ok' }, version: { type: 'string' }, uptime_s: { type: 'integer' } });
const READINESS = required({
  status: { enum: ['ready', 'not_ready'] },
  checks: { type: 'object', additionalProperties: required({ ok: { type: 'boolean' }, detail: { type: 'string' } }) },
});

/** A name that the server does not know itself by is refused everywhere. */
const REFUSED = { $ref: '#/components/responses/Native403' };

const open = (
  operationId: string,
  summary: string,
  type: string,
  { description, schema }: { readonly description?: string; readonly schema?: JsonSchema } = {},
): Operation => ({
  operationId,
  summary,
  ...(description !== undefined && { description }),
  tags: [SERVER_TAG.name],
  security: [],
  responses: { 200: answer('The answer.', type, schema), '4XX': REFUSED },
});
