import type { ChatSettings } from './chat-settings.js';

/** A call of a tool, as the model wrote it. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, unless the answer was cut. */
  readonly arguments: string;
}

/** A token that was chosen, and what else could have been. Probabilities are 0 to 1. */
export interface TokenChoice {
  readonly text: string;
  readonly probability: number;
  readonly others: readonly (readonly [text: string, probability: number])[];
}

/** How fast an answer came, and what it was spared. */
export interface Figures {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly tokens: number;
  readonly promptPerSecond?: number;
  readonly tokensPerSecond?: number;
  readonly firstTokenMs?: number;
  readonly queueMs?: number;
}

/** What is known of an answer beside its text. */
export interface AnswerFacts {
  readonly model?: string;
  /** Absent: the page was closed before the answer came to its end. */
  readonly end?: 'stop' | 'length' | 'tool_calls' | 'stopped' | 'failed';
  /** Why it failed, as the server explained it. */
  readonly failure?: { readonly code: string; readonly message: string };
  readonly figures?: Figures;
  readonly reasoningMs?: number;
  /** It was asked to be JSON of a schema. */
  readonly isJson?: boolean;
}

/** One message. Each knows the one before it: several that follow the same one are branches. */
export interface Turn {
  readonly id: string;
  readonly conversation: string;
  readonly parent?: string;
  readonly role: 'user' | 'assistant' | 'tool';
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reasoning?: string;
  readonly calls?: readonly ToolCall[];
  /** Of a tool's result: the call that it answers. */
  readonly callId?: string;
  readonly answer?: AnswerFacts;
  readonly tokens?: readonly TokenChoice[];
}

export interface Conversation {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The last turn of the branch that is shown. */
  readonly leaf?: string;
  readonly settings: ChatSettings;
}

export type Turns = ReadonlyMap<string, Turn>;

/** The turns from the first one to `leaf`, in order. */
export function pathTo(turns: Turns, leaf: string | undefined): Turn[] {
  const path: Turn[] = [];
  for (
    let turn = leaf === undefined ? undefined : turns.get(leaf);
    turn !== undefined && path.length <= turns.size;
    turn = turn.parent === undefined ? undefined : turns.get(turn.parent)
  )
    path.push(turn);
  return path.reverse();
}

/** Turns that follow the same one, by age, the turn itself among them. */
export function branchesOf(turns: Turns, { parent }: Pick<Turn, 'parent'>): Turn[] {
  return [...turns.values()]
    .filter((other) => other.parent === parent)
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

/** The end of the newest branch below a turn. */
export function leafBelow(turns: Turns, id: string): string {
  let leaf = id;
  for (
    let next = branchesOf(turns, { parent: leaf }).at(-1);
    next !== undefined;
    next = branchesOf(turns, { parent: leaf }).at(-1)
  )
    leaf = next.id;
  return leaf;
}

/** An answer that brought nothing: it is shown, and never sent. */
export const isEmptyAnswer = ({ role, text, reasoning, calls }: Turn): boolean =>
  role === 'assistant' && text === '' && (reasoning ?? '') === '' && (calls ?? []).length === 0;

/**
 * What a new message follows: the end of the branch. A question that got no answer is left behind, on a branch of its own: it would spoil each
 * later request, too long or two in a row.
 */
export function parentForMessage(turns: Turns, leaf: string | undefined): string | undefined {
  const path = pathTo(turns, leaf);
  while (path.length > 0 && (isEmptyAnswer(path.at(-1)!) || path.at(-1)!.role === 'user')) path.pop();
  return path.at(-1)?.id;
}

/** Calls of an answer that have no result on this path yet. */
export function openCalls(path: readonly Turn[]): readonly ToolCall[] {
  const answered = path.flatMap(({ callId }) => (callId === undefined ? [] : [callId]));
  const last = path.findLast(({ role }) => role !== 'tool');
  return last?.role === 'assistant' ? (last.calls ?? []).filter(({ id }) => !answered.includes(id)) : [];
}

/** A turn that begins now, later than the one that it follows. */
export function newTurn(turns: Turns, { conversation, parent, ...rest }: Omit<Turn, 'id' | 'at'>): Turn {
  const before = parent === undefined ? undefined : turns.get(parent);
  return {
    id: newId(),
    conversation,
    ...(parent !== undefined && { parent }),
    ...rest,
    at: Math.max(Date.now(), (before?.at ?? 0) + 1),
  };
}

export const oldestFirst = (a: Turn, b: Turn): number => a.at - b.at;

const TITLE_LENGTH = 60;

/** What a conversation is called until somebody names it: how it began. */
export function titleOf(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length <= TITLE_LENGTH ? line : `${line.slice(0, TITLE_LENGTH - 1).trimEnd()}…`;
}

/** An id for a turn or a conversation. Pages of plain HTTP have no `randomUUID`. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
