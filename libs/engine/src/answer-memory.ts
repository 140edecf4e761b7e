import type { AnswerMessage, AnswerParser, ChatMessage, ToolDefinition } from '@starling/chat';
import { isStarlingError } from '@starling/core';
import { ownerOf } from './cache-keys.js';
import { ScopedCache } from './scoped-cache.js';

/** Conversations whose answers are kept, and beginnings of conversations that are known again. */
const ANSWERS = { entries: 2048, characters: 1 << 24 };
const BEGINNINGS = { entries: 1 << 15, characters: 1 << 24 };
/** Answers to one conversation: each was asked for anew. */
const ALTERNATIVES = 4;
/** Longer reasoning is not kept. */
const LONGEST = 1 << 18;

interface Known {
  /** Content and calls, as `shownOf` writes them. */
  readonly shown: string;
  readonly reasoning: string;
}

/** An answer that was given, and what it answered. */
export interface GivenAnswer {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ToolDefinition[];
  /** The rendered conversation. */
  readonly prompt: string;
  readonly text: string;
}

/**
 * Remembers the reasoning of answers, for each scope (whose callers may share them) apart. Clients leave it out when they send a conversation
 * again; templates that show it would then write those turns anew, and all that was computed after them were lost.
 */
export class AnswerMemory {
  readonly #parser: () => AnswerParser;
  /** By owner of the scope, then by digest. */
  readonly #answers = new ScopedCache<readonly Known[]>({
    each: {
      ...ANSWERS,
      charactersOf: (known) => known.reduce((sum, { shown, reasoning }) => sum + shown.length + reasoning.length, 0),
    },
    all: ANSWERS,
  });
  readonly #beginnings = new ScopedCache<true>({ each: BEGINNINGS, all: BEGINNINGS });

  constructor(parser: () => AnswerParser) {
    this.#parser = parser;
  }

  /** The conversation with the reasoning of our own answers, where it was left out. */
  complete(scope: string, messages: readonly ChatMessage[]): readonly ChatMessage[] {
    if (this.#answers.size === 0 || !messages.some(isBare)) return messages;
    const before = digestsOf(scope, messages);
    const owner = ownerOf(scope);
    return messages.map((message, i) => {
      const reasoning = isBare(message)
        ? this.#answers.get(owner, before[i])?.find(({ shown }) => shown === shownOf(message))?.reasoning
        : undefined;
      return reasoning === undefined ? message : { ...message, reasoning_content: reasoning };
    });
  }

  /** Whether a conversation of this scope began with these messages, the one at `last` included. */
  knows(scope: string, messages: readonly ChatMessage[], last: number): boolean {
    return this.#beginnings.get(ownerOf(scope), digestsOf(scope, messages)[last + 1]) === true;
  }

  /**
   * Keeps an answer.
   * @returns the answer as a message; undefined if it cannot be read as one
   */
  remember(scope: string, { messages, tools, prompt, text }: GivenAnswer): AnswerMessage | undefined {
    let answer: AnswerMessage;
    try {
      answer = this.#parser().parse(text, { tools, prompt });
    } catch (error) {
      if (isStarlingError(error)) return undefined;
      throw error;
    }
    const digests = digestsOf(scope, [...messages, answer]);
    const owner = ownerOf(scope);
    for (const digest of digests.slice(1)) this.#beginnings.set(owner, digest, true);
    const { reasoning_content: reasoning } = answer;
    const place = digests[messages.length];
    const shown = shownOf(answer);
    const others = (this.#answers.get(owner, place) ?? []).filter((known) => known.shown !== shown);
    if (reasoning !== undefined && reasoning !== '' && reasoning.length <= LONGEST)
      this.#answers.set(owner, place, [{ shown, reasoning }, ...others].slice(0, ALTERNATIVES));
    return answer;
  }
}

const isBare = ({ role, reasoning_content: reasoning }: ChatMessage): boolean =>
  role === 'assistant' && (reasoning === undefined || reasoning === '');

/** What clients send back of a message: its text, and its calls without their ids. */
function shownOf({ role, content, tool_calls: calls = [] }: ChatMessage): string {
  const text = typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
  return JSON.stringify([
    role,
    text.trim(),
    ...calls.map(({ function: { name, arguments: values } }) => [name, plainArguments(values)]),
  ]);
}

function plainArguments(values: string | Readonly<Record<string, unknown>>): unknown {
  if (typeof values !== 'string') return values;
  try {
    return JSON.parse(values) as unknown;
  } catch {
    return values;
  }
}

/** Digests of a conversation: entry i is of the first i messages, without reasoning. */
function digestsOf(scope: string, messages: readonly ChatMessage[]): string[] {
  const digests = [digest('', scope)];
  for (const message of messages) digests.push(digest(digests[digests.length - 1], shownOf(message)));
  return digests;
}

/** 64 bits of two multiplications with other constants; equal conversations are told from others by it, not attackers from victims: those have scopes of their own. */
function digest(before: string, text: string): string {
  let [a, b] = [0x9e3779b9, 0x85ebca6b];
  for (const part of [before, text]) {
    for (let i = 0; i < part.length; i++) {
      const unit = part.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x01000193);
      b = Math.imul(b + unit, 0x5bd1e995) ^ (b >>> 15);
    }
    a = Math.imul(a ^ part.length, 0x27d4eb2f);
  }
  return `${(a >>> 0).toString(36)}.${(b >>> 0).toString(36)}`;
}
