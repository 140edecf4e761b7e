import * as v from 'valibot';
import { newId, type Conversation, type Turn } from './conversation.js';

/** A conversation with all its branches. */
export interface WholeConversation {
  readonly conversation: Conversation;
  readonly turns: readonly Turn[];
}

/** What a file of conversations may hold. Larger ones are a mistake, or meant to do harm. */
export const FILE_LIMITS = {
  bytes: 64 << 20,
  conversations: 10_000,
  turns: 100_000,
  textLength: 4 << 20,
  titleLength: 512,
  calls: 256,
  tokens: 200_000,
  others: 20,
} as const;

const text = (limit: number = FILE_LIMITS.textLength) => v.pipe(v.string(), v.maxLength(limit));
const id = text(128);
const finite = v.pipe(v.number(), v.finite());

function list<T extends v.GenericSchema>(item: T, limit: number) {
  // The length is looked at before the items are.
  return v.pipe(
    v.custom<unknown[]>((value) => Array.isArray(value) && value.length <= limit, `at most ${limit} are taken`),
    v.array(item),
  );
}

const settings = v.object({
  model: v.optional(text(256)),
  system: v.optional(text()),
  ...Object.fromEntries(
    [
      'temperature',
      'topK',
      'topP',
      'minP',
      'repeatPenalty',
      'presencePenalty',
      'frequencyPenalty',
      'maxTokens',
      'seed',
    ].map((name) => [name, v.optional(finite)]),
  ),
  stop: v.optional(text(4096)),
  reasoning: v.optional(text(16)),
  schema: v.optional(text()),
  tools: v.optional(text()),
  showsChances: v.optional(v.boolean()),
  isInTab: v.optional(v.boolean()),
});

const figures = v.object({
  promptTokens: finite,
  cachedTokens: finite,
  tokens: finite,
  promptPerSecond: v.optional(finite),
  tokensPerSecond: v.optional(finite),
  firstTokenMs: v.optional(finite),
  queueMs: v.optional(finite),
});

const turn = v.object({
  id,
  parent: v.optional(id),
  role: v.picklist(['user', 'assistant', 'tool']),
  text: text(),
  at: finite,
  reasoning: v.optional(text()),
  calls: v.optional(list(v.object({ id, name: text(256), arguments: text() }), FILE_LIMITS.calls)),
  callId: v.optional(id),
  answer: v.optional(
    v.object({
      model: v.optional(text(256)),
      end: v.optional(v.picklist(['stop', 'length', 'tool_calls', 'stopped', 'failed'])),
      failure: v.optional(v.object({ code: text(64), message: text(10_000) })),
      figures: v.optional(figures),
      reasoningMs: v.optional(finite),
      isJson: v.optional(v.boolean()),
    }),
  ),
  tokens: v.optional(
    list(
      v.object({
        text: text(4096),
        probability: finite,
        others: list(v.tuple([text(4096), finite]), FILE_LIMITS.others),
      }),
      FILE_LIMITS.tokens,
    ),
  ),
});

const file = v.object({
  format: v.literal('starling-conversations'),
  version: v.literal(1),
  conversations: list(
    v.object({
      conversation: v.object({
        title: text(FILE_LIMITS.titleLength),
        createdAt: finite,
        updatedAt: finite,
        leaf: v.optional(id),
        settings,
      }),
      turns: list(turn, FILE_LIMITS.turns),
    }),
    FILE_LIMITS.conversations,
  ),
});

/** The text of a file that holds conversations. */
export function conversationFile(all: readonly WholeConversation[]): string {
  return `${JSON.stringify({ format: 'starling-conversations', version: 1, conversations: all.map(({ conversation: { id: _id, ...conversation }, turns }) => ({ conversation, turns: turns.map(({ conversation: _of, ...one }) => one) })) }, null, 1)}\n`;
}

export type Imported =
  | { readonly kind: 'conversations'; readonly all: readonly WholeConversation[] }
  | { readonly kind: 'wrong'; readonly why: string };

/** Reads such a file. Every id is given anew, so that nothing that is there is overwritten; a file of another kind is refused with the reason. */
export function parseConversationFile(source: string): Imported {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return wrong('it is not JSON');
  }
  const parsed = v.safeParse(file, value, { abortEarly: true });
  if (!parsed.success) return wrong(`${v.getDotPath(parsed.issues[0]) ?? 'the file'}: ${parsed.issues[0].message}`);
  const all: WholeConversation[] = [];
  for (const [index, { conversation, turns }] of parsed.output.conversations.entries()) {
    const whole = renamed(conversation as Omit<Conversation, 'id'>, turns);
    if (whole === undefined) return wrong(`conversations.${index}: its turns do not follow one another`);
    all.push(whole);
  }
  return { kind: 'conversations', all };
}

const wrong = (why: string): Imported => ({ kind: 'wrong', why });

/** Undefined if two turns have one id, one follows a turn that is not there, or they run in a circle. */
function renamed(
  conversation: Omit<Conversation, 'id'>,
  turns: readonly Omit<Turn, 'conversation'>[],
): WholeConversation | undefined {
  const ids = new Map(turns.map((one) => [one.id, newId()]));
  const parents = new Map(turns.map((one) => [one.id, one.parent]));
  if (
    ids.size < turns.length ||
    turns.some(({ parent }) => parent !== undefined && !ids.has(parent)) ||
    hasCircle(parents)
  )
    return undefined;
  const conversationId = newId();
  const leaf = conversation.leaf === undefined ? undefined : ids.get(conversation.leaf);
  return {
    conversation: { ...conversation, id: conversationId, leaf: leaf ?? ids.get(turns.at(-1)?.id ?? '') },
    turns: turns.map((one) => ({
      ...one,
      id: ids.get(one.id)!,
      conversation: conversationId,
      ...(one.parent !== undefined && { parent: ids.get(one.parent)! }),
    })),
  };
}

function hasCircle(parents: ReadonlyMap<string, string | undefined>): boolean {
  const ends = new Set<string>();
  for (const start of parents.keys()) {
    const way = new Set<string>();
    for (let at: string | undefined = start; at !== undefined && !ends.has(at); at = parents.get(at)) {
      if (way.has(at)) return true;
      way.add(at);
    }
    for (const seen of way) ends.add(seen);
  }
  return false;
}
