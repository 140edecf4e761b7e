import type { ErrorCode } from '@starling/core';
import type { Dialect, Endpoint } from '../dialects/dialect.js';
import type { ApiResponse, Reference } from './openapi-types.js';

type Code = ErrorCode | 'model_loading';

/** What any request can come to. */
const ALWAYS: readonly Code[] = ['unauthorized', 'forbidden', 'internal'];
/** Where a body is read. */
const WITH_BODY: readonly Code[] = [
  'invalid_json',
  'invalid_request',
  'request_timeout',
  'request_too_large',
  'unsupported_media_type',
];
/** Where a model is asked, or something changed: these are counted against the caller's limits too. */
const WITH_WORK: readonly Code[] = [
  'not_found',
  'model_not_loaded',
  'model_loading',
  'context_length_exceeded',
  'invalid_grammar',
  'invalid_template',
  'deadline_exceeded',
  'conflict',
  'unprocessable',
  'rate_limited',
  'queue_full',
  'not_supported',
  'shutting_down',
  'out_of_memory',
  'worker_failed',
];
/** Where something may be in use, or not be had. */
const WITH_REMOVAL: readonly Code[] = ['conflict', 'not_supported', 'shutting_down'];
/** Where something is looked for by its name. */
const WITH_NAME: readonly Code[] = ['invalid_request', 'not_found', 'model_not_loaded', 'model_loading'];

/** The failures that an endpoint can come to, by status; the rest of a response is one of the document's components. */
export function errorsOf(dialect: Dialect, endpoint: Endpoint): Record<string, Reference> {
  const codes = new Set([
    ...ALWAYS,
    ...(endpoint.body === undefined ? [] : WITH_BODY),
    ...(endpoint.method === 'POST' ? WITH_WORK : []),
    ...(endpoint.method === 'DELETE' ? WITH_REMOVAL : []),
    ...(endpoint.method === 'DELETE' ||
    endpoint.parameters !== undefined ||
    endpoint.paths.some((path) => path.includes(':'))
      ? WITH_NAME
      : []),
    ...(endpoint.access === 'metrics' || endpoint.parameters !== undefined ? (['not_supported'] as const) : []),
  ]);
  const statuses = new Set([...codes].map((code) => dialect.errors[code].status));
  return Object.fromEntries(
    [...statuses]
      .sort((a, b) => a - b)
      .map((status) => [String(status), { $ref: `#/components/responses/${responseName(dialect, status)}` }]),
  );
}

/** The responses that `errorsOf` speaks of. */
export function errorResponses(dialect: Dialect): Record<string, ApiResponse> {
  const byStatus = new Map<number, Code[]>();
  for (const code of new Set([...ALWAYS, ...WITH_BODY, ...WITH_WORK, ...WITH_NAME])) {
    const { status } = dialect.errors[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    Array.from(byStatus, ([status, codes]) => [responseName(dialect, status), errorResponse(dialect, status, codes)]),
  );
}

function errorResponse(dialect: Dialect, status: number, codes: readonly Code[]): ApiResponse {
  const said = codes.map((code) => {
    const { apiCode = code, type } = dialect.errors[code];
    return `\`${apiCode}\` (\`${type}\`)`;
  });
  const mayTryAgain = status === 429 || status === 503;
  return {
    description: `Refused: ${[...new Set(said)].join(', ')}.`,
    ...(status === 401 && {
      headers: { 'www-authenticate': { description: 'how keys are sent', schema: { type: 'string' } } },
    }),
    ...(mayTryAgain && {
      headers: {
        'retry-after': { description: 'seconds after which it may go better', schema: { type: 'integer', minimum: 1 } },
      },
    }),
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${errorName(dialect)}` } } },
  };
}

const nameOf = ({ name }: Dialect): string => name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
const responseName = (dialect: Dialect, status: number): string => `${nameOf(dialect)}${status}`;

/** The component that has the shape of a dialect's errors. */
export const errorName = (dialect: Dialect): string => `${nameOf(dialect)}Error`;
