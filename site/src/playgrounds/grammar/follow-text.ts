import {
  GrammarMatcher,
  compileRegex,
  gbnfSteps,
  jsonSchemaSteps,
  matcherSteps,
  type Grammar,
} from '@starling/grammar';
import { StarlingError, messageOf } from '@starling/core';
import { byteIndex } from './byte-vocabulary.js';
import { inSlices } from './in-slices.js';
import { nextCharacters, type CharacterRange } from './next-characters.js';

export type GrammarKind = 'gbnf' | 'schema' | 'regex';

/** How far a text follows a grammar, and how it may go on. */
export interface Followed {
  /** UTF-16 units of the text that match. */
  readonly matched: number;
  /** Whether the output may end behind what matches. */
  readonly canEnd: boolean;
  /** Whether it must end there. */
  readonly isDone: boolean;
  readonly next: readonly CharacterRange[];
}

/** How long a grammar may take in the reader's browser. */
const LIMIT_MS = 10_000;

/** @throws StarlingError what the grammar is refused with; invalid_json for a schema that is no JSON */
export async function compileGrammar(kind: GrammarKind, source: string, signal: AbortSignal): Promise<Grammar> {
  if (kind === 'regex') return compileRegex(source);
  const steps = kind === 'gbnf' ? gbnfSteps(source) : jsonSchemaSteps(parseSchema(source));
  const grammar = await inSlices(steps, { signal, limitMs: LIMIT_MS });
  await inSlices(matcherSteps(grammar), { signal, limitMs: LIMIT_MS });
  return grammar;
}

/** @throws StarlingError what the grammar is refused with while it is followed: too many readings, too long */
export async function followText(grammar: Grammar, text: string, signal: AbortSignal): Promise<Followed> {
  const matcher = new GrammarMatcher(grammar, byteIndex);
  const matched = await inSlices(takeText(matcher, text), { signal, limitMs: LIMIT_MS });
  const { isDone, canEnd } = matcher;
  const next = isDone ? [] : await inSlices(nextCharacters(matcher), { signal, limitMs: LIMIT_MS });
  return { matched, canEnd, isDone, next };
}

const encoder = new TextEncoder();

/** Takes characters as long as all of their bytes may come; gives the length of what was taken. */
function* takeText(matcher: GrammarMatcher, text: string): Generator<undefined, number> {
  let matched = 0;
  for (const character of text) {
    const bytes = encoder.encode(character);
    const ahead = matcher.fork();
    for (const byte of bytes) {
      if (!ahead.accepts(byte)) return matched;
      ahead.advance(byte);
    }
    for (const byte of bytes) matcher.advance(byte);
    matched += character.length;
    yield;
  }
  return matched;
}

function parseSchema(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new StarlingError('invalid_json', `the schema is not JSON: ${messageOf(cause)}`, { cause });
  }
}
