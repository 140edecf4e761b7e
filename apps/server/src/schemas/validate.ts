import { StarlingError } from '@starling/core';
import * as v from 'valibot';

type AnySchema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>;

/**
 * A value as its schema describes it.
 * @throws StarlingError invalid_request whose `details.param` names the first field at fault
 */
export function validate<Schema extends AnySchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const isList = schema.type === 'array';
  if (isList ? !Array.isArray(value) : !isRecord(value)) {
    throw new StarlingError(
      'invalid_request',
      `the body must be a JSON ${isList ? 'array' : 'object'}, received ${Array.isArray(value) ? 'an array' : isRecord(value) ? 'an object' : JSON.stringify(value)}`,
    );
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = deepest(result.issues[0]);
  const param = paramOf(issue);
  throw new StarlingError('invalid_request', sayWhatIsWrong(issue, param), {
    details: { param, expected: issue.expected, received: issue.received },
  });
}

/** Of a union's failed options, the one that got furthest into the value: what the client most likely meant. */
function deepest(issue: v.BaseIssue<unknown>): v.BaseIssue<unknown> {
  const all = issue.issues?.map(deepest) ?? [];
  const inner = all.filter((candidate) => candidate.path !== undefined);
  if (inner.length === 0) {
    // Of the kind that it should be, but too short or so.
    const own = all.find(({ kind }) => kind === 'validation');
    return own && issue.path ? { ...own, path: issue.path } : (own ?? issue);
  }
  const best = inner.reduce((a, b) => (isFurther(b, a) ? b : a));
  return { ...best, path: [...(issue.path ?? []), ...(best.path ?? [])] as [v.IssuePathItem, ...v.IssuePathItem[]] };
}

/** Whether an issue lies deeper in a value, or as deep and behind the other in the same list. */
function isFurther(one: v.BaseIssue<unknown>, other: v.BaseIssue<unknown>): boolean {
  const [path, otherPath] = [one.path ?? [], other.path ?? []];
  if (path.length !== otherPath.length) return path.length > otherPath.length;
  const fork = path.findIndex(({ key }, i) => key !== otherPath[i].key);
  if (fork < 0) return false;
  const [key, otherKey] = [path[fork].key, otherPath[fork].key];
  return typeof key === 'number' && typeof otherKey === 'number' && key > otherKey;
}

/** True for what JSON calls an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where the issue is, as a client would write it: `messages[0].content`. */
function paramOf(issue: v.BaseIssue<unknown>): string | undefined {
  const path = issue.path?.map(({ type, key }) => (type === 'array' ? `[${key}]` : `.${key}`)).join('');
  return path?.replace(/^\./, '');
}

/** The words of a schema's expectation: `(number | false)` is `a number or false`. */
function expectation(expected: string | null): string {
  const words: Record<string, string> = {
    string: 'a string',
    number: 'a number',
    boolean: 'true or false',
    Array: 'an array',
    Object: 'an object',
  };
  const options = (expected ?? 'something else')
    .replace(/^\((.*)\)$/, '$1')
    .replace(/\((?=")|(?<=")\)/g, '')
    .split(' | ');
  const said = [...new Set(options.map((option) => words[option] ?? option))];
  return said.length < 3 ? said.join(' or ') : `one of ${said.join(', ')}`;
}

/** The start of what was received: a message must not carry a whole prompt back. */
const excerpt = (received: string) => (received.length > 80 ? `${received.slice(0, 80)}...` : received);

function sayWhatIsWrong(issue: v.BaseIssue<unknown>, param: string | undefined): string {
  const field = param === undefined ? 'the body' : `"${param}"`;
  const received = excerpt(issue.received);
  const requirement: unknown = 'requirement' in issue ? issue.requirement : undefined;
  switch (issue.type) {
    case 'strict_object':
    case 'loose_object':
      if (issue.expected === 'never') return `unknown field ${field}`;
      return issue.received === 'undefined'
        ? `${field} is required`
        : `${field} must be an object, received ${received}`;
    case 'min_value':
      return `${field} must be at least ${requirement}, received ${received}`;
    case 'max_value':
      return `${field} must be at most ${requirement}, received ${received}`;
    case 'gt_value':
      return `${field} must be greater than ${requirement}, received ${received}`;
    case 'safe_integer':
      return `${field} must be an integer, received ${received}`;
    case 'finite':
      return `${field} must be a finite number, received ${received}`;
    case 'min_length':
      return `${field} must have a length of at least ${requirement}, received ${received}`;
    case 'max_entries':
      return `${field} must have at most ${requirement} entries, received ${received}`;
    case 'max_length':
      return `${field} must have a length of at most ${requirement}, received ${received}`;
    case 'check':
    case 'partial_check':
      return issue.message.startsWith('"') ? issue.message : `${field}: ${issue.message}`;
    default:
      return issue.received === 'undefined'
        ? `${field} is required: ${expectation(issue.expected)}`
        : `${field} must be ${expectation(issue.expected)}, received ${received}`;
  }
}
