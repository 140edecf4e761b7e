import type { JsonSchema } from '@valibot/to-json-schema';
import { DIALECTS } from '../dialects/all.js';
import type { BodySchema, Dialect, Endpoint } from '../dialects/dialect.js';
import { errorName, errorResponses, errorsOf } from './error-responses.js';
import { jsonSchemaOf } from './json-schema.js';
import type { ApiResponse, Content, OpenApiDocument, Operation, Parameter } from './openapi-types.js';
import { SERVER_TAG, serverPaths } from './server-paths.js';

const ABOUT = [
  'One server, several APIs: their clients need another address and nothing else.',
  "Every response has `x-request-id`, the client's own if it sent one. Where the server asks for keys, they are sent as `Authorization: Bearer KEY` or `X-Api-Key: KEY`; answers to counted requests then tell by `x-ratelimit-*` what is left.",
  'A path that is known refuses other methods with 405 and `Allow`; OPTIONS tells what it takes, HEAD what GET would. Streams begin at once, also while a request waits; server-sent events have a comment line after 15 s of silence.',
].join('\n\n');

const ANSWER_TYPES = {
  json: 'application/json',
  events: 'text/event-stream',
  lines: 'application/x-ndjson',
  text: 'text/plain',
  file: 'application/octet-stream',
} as const;

/** What else comes of asking for a file by `Range`. */
const RANGES = {
  206: {
    description: 'The range that was asked for.',
    content: { 'application/octet-stream': { schema: { type: 'string' } } },
  },
  416: { description: 'The file has no such range; `Content-Range` tells its size.' },
} satisfies Record<string, ApiResponse>;

/** The document of the whole API in OpenAPI 3.1, from the endpoints and the schemas that their bodies are held to. */
export function openApiDocument(version: string): OpenApiDocument {
  const schemas = schemaNames();
  const paths: Record<string, Record<string, Operation>> = { ...serverPaths() };
  for (const dialect of DIALECTS) {
    for (const endpoint of dialect.endpoints) {
      for (const path of endpoint.paths) {
        const name = path.replace(/:(\w+)/g, '{$1}');
        paths[name] = {
          ...paths[name],
          [endpoint.method.toLowerCase()]: operationOf(dialect, endpoint, name, schemas),
        };
      }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Starling', version, description: ABOUT, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '.', description: 'The server that this document comes from' }],
    security: [{ bearer: [] }, { header: [] }, {}],
    tags: [...DIALECTS.map(({ name, description }) => ({ name, description })), SERVER_TAG],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas: {
        ...errorSchemas(),
        ...Object.fromEntries(Array.from(schemas, ([schema, name]) => [name, jsonSchemaOf(schema)])),
      },
      responses: Object.assign({}, ...DIALECTS.map(errorResponses)) as Record<string, ApiResponse>,
    },
  };
}

/** One name for each body and each answer, also where several routes have it. */
function schemaNames(): Map<BodySchema, string> {
  const names = new Map<BodySchema, string>();
  for (const {
    body,
    answer,
    method,
    paths: [path],
  } of DIALECTS.flatMap(({ endpoints }) => endpoints)) {
    if (body !== undefined && !names.has(body)) names.set(body, `${wordsOf(path)}Body`);
    if (answer !== undefined && !names.has(answer))
      names.set(answer, `${method[0]}${method.slice(1).toLowerCase()}${wordsOf(path)}Answer`);
  }
  return names;
}

const errorSchemas = (): Record<string, JsonSchema> =>
  Object.fromEntries(DIALECTS.map((dialect) => [errorName(dialect), jsonSchemaOf(dialect.errorSchema)]));

function operationOf(
  dialect: Dialect,
  endpoint: Endpoint,
  path: string,
  schemas: ReadonlyMap<BodySchema, string>,
): Operation {
  const parameters = [...pathParameters(path), ...queryParameters(endpoint)];
  const name = endpoint.body && schemas.get(endpoint.body);
  const answer = endpoint.answer && schemas.get(endpoint.answer);
  return {
    operationId: `${endpoint.method.toLowerCase()}${wordsOf(path)}`,
    summary: endpoint.summary,
    ...(endpoint.access !== 'user' && {
      description:
        endpoint.access === 'admin'
          ? 'For keys of administrators.'
          : 'For keys for metrics, and those of administrators.',
    }),
    tags: [dialect.name],
    ...(parameters.length > 0 && { parameters }),
    ...(name !== undefined && {
      requestBody: {
        required: endpoint.bodyIsOptional !== true,
        content: {
          'application/json': { schema: { $ref: `#/components/schemas/${name}` }, example: endpoint.example },
        },
      },
    }),
    responses: {
      200: {
        description: `The answer${streams(endpoint) ? ': one body, or a stream where that is asked for' : ''}.`,
        content: answerOf(endpoint, answer),
      },
      ...(endpoint.answers === 'file' && RANGES),
      ...errorsOf(dialect, endpoint),
    },
  };
}

const streams = ({ answers }: Endpoint): boolean => answers === 'events' || answers === 'lines';

function answerOf({ answers = 'json' }: Endpoint, name: string | undefined): Content {
  const whole: Content =
    name === undefined ? {} : { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } };
  return answers === 'json' ? whole : { ...whole, [ANSWER_TYPES[answers]]: { schema: { type: 'string' } } };
}

const pathParameters = (path: string): Parameter[] =>
  Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
    name,
    in: 'path',
    required: true,
    description: 'what an earlier answer called it',
    schema: { type: 'string' },
  }));

const queryParameters = ({ parameters = {} }: Endpoint): Parameter[] =>
  Object.entries(parameters).map(([name, description]) => ({
    name,
    in: 'query',
    required: false,
    description,
    schema: { type: 'string' },
  }));

/** `/v1/chat/completions` as `V1ChatCompletions`. */
const wordsOf = (path: string): string =>
  path
    .replace(/\W+|_/g, ' ')
    .trim()
    .replace(/(?:^| )(\w)/g, (_, letter: string) => letter.toUpperCase());
