import { parameterError, type StarlingError } from '@starling/core';
import type { ModelIdentity, Session, SpillRecord } from '@starling/kvcache';
import type { AdapterChoice } from './adapters.js';

/** A session as a file has it: its tokens, what was computed for them, and what is needed to go on. Every part of the file is under a checksum. */
export type SavedSession = SpillRecord;

const VERSION = 1;

/** What stands in the file beside pages and states. */
export interface SavedFacts {
  readonly version: number;
  readonly model: ModelIdentity;
  readonly adapters: AdapterChoice['applied'];
  readonly id: string;
  readonly salt?: string;
  /** Tokens behind those that were computed. */
  readonly rest: readonly number[];
  /** See `writeMemo`. */
  readonly thread: string;
}

/** The file of a session whose pages were copied out. */
export function packSession(
  session: Session,
  pages: SpillRecord,
  { model, adapters, thread }: Pick<SavedFacts, 'model' | 'adapters' | 'thread'>,
): SavedSession {
  const { id, salt, tokens } = session;
  const facts: SavedFacts = {
    version: VERSION,
    model,
    adapters,
    id,
    ...(salt !== undefined && { salt }),
    rest: Array.from(tokens.subarray(pages.tokens.length)),
    thread,
  };
  return { ...pages, label: 'session', memo: JSON.stringify(facts) };
}

/**
 * What a file says, if it was made with this model.
 * @throws StarlingError invalid_request that names what differs, or what is no session
 */
export function unpackSession({ label, memo }: SavedSession, own: ModelIdentity): SavedFacts {
  const facts = label === 'session' ? factsIn(memo) : undefined;
  if (facts === undefined) throw refused('it holds no session');
  const names = {
    weights: 'the weights',
    kvType: 'the format of keys and values',
    layout: 'how keys and values are laid out',
  } as const;
  for (const part of ['weights', 'kvType', 'layout'] as const) {
    // Digests of weights are for whoever runs the server.
    const values =
      part === 'weights'
        ? `${names[part]} are others`
        : `${names[part]} is ${facts.model[part]} there, ${own[part]} here`;
    if (facts.model[part] !== own[part]) throw refused(`it was saved with another model: ${values}`);
  }
  return facts;
}

/** Undefined for what is not of this version's shape. */
function factsIn(memo: string): SavedFacts | undefined {
  let value: Partial<Record<keyof SavedFacts, unknown>> | null;
  try {
    value = JSON.parse(memo) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || value.version !== VERSION) return undefined;
  const { model, adapters, id, salt, rest, thread } = value;
  const isSound =
    isObjectOf(model, ['weights', 'kvType', 'layout'], 'string') &&
    Array.isArray(adapters) &&
    adapters.every((one) => isObjectOf(one, ['digest'], 'string') && isObjectOf(one, ['scale'], 'number')) &&
    typeof id === 'string' &&
    (salt === undefined || typeof salt === 'string') &&
    Array.isArray(rest) &&
    rest.every((token) => Number.isInteger(token) && (token as number) >= 0) &&
    typeof thread === 'string';
  return isSound ? (value as SavedFacts) : undefined;
}

function isObjectOf(value: unknown, names: readonly string[], type: 'string' | 'number'): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === type)
  );
}

function refused(problem: string): StarlingError {
  return parameterError('invalid_request', 'file', `the file cannot be opened here: ${problem}`);
}

/** The error for a file whose adapters are not loaded here. */
export const withoutAdapters = (count: number): StarlingError =>
  refused(`it was saved with ${count} ${count === 1 ? 'adapter' : 'adapters'}, not all loaded here in that order`);

/** The error for a file that has tokens which the vocabulary has not. */
export const beyondVocabulary = (): StarlingError =>
  refused('it has tokens that the vocabulary has not, or more than the context holds');
