import { KEEP_REASONING, type Render } from '../answer/probe.js';
import type { ChatMessage, ToolCall, ToolDefinition } from '../messages.js';

/** What a template can show of a conversation. What it cannot, it refuses or, worse, leaves out without a word. */
export interface ConversationAbilities {
  /** A system message before all others. */
  readonly takesSystem: boolean;
  /** Several of them, or one further on. */
  readonly takesLateSystem: boolean;
  /** The role `developer`, by a name of its own. */
  readonly takesDeveloper: boolean;
  /** Two messages of a user, or of the assistant, one after the other. */
  readonly takesRepeatedRoles: boolean;
  readonly takesTools: boolean;
  readonly takesCalls: boolean;
  /** Of a call's name only what its id holds is shown: `functions.NAME:0`. */
  readonly namesCallsById: boolean;
  /** Several calls in one message. */
  readonly takesParallelCalls: boolean;
  /** Text beside calls, in one message. */
  readonly takesTextWithCalls: boolean;
  /** Results of calls, as messages of the role `tool`. */
  readonly takesResults: boolean;
  /** Reasoning of earlier answers can be kept, by `KEEP_REASONING` or as it is. */
  readonly keepsReasoning: boolean;
  /** The variable `documents`. */
  readonly takesDocuments: boolean;
}

/** A document that the answer may rest on, as templates for retrieval take it. */
export interface ChatDocument {
  readonly title?: string;
  readonly text: string;
}

/** Words that no template writes. */
const word = (name: string): string => `zq${name}qz`;
const user = (name: string): ChatMessage => ({ role: 'user', content: word(name) });
const assistant = (name: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
  role: 'assistant',
  content: word(name),
  ...more,
});
const call = (name: string, id: string): ToolCall => ({
  id,
  type: 'function',
  function: { name: word(name), arguments: { [word('key')]: word(`value${name}`) } },
});
const tools: readonly ToolDefinition[] = ['alpha', 'beta'].map((name) => ({
  type: 'function',
  function: {
    name: word(name),
    description: 'A probe.',
    parameters: { type: 'object', properties: { [word('key')]: { type: 'string' } } },
  },
}));
/** Nine letters and digits: some templates ask for that. */
const PLAIN_IDS = ['zqid00001', 'zqid00002'] as const;
const NAMED_IDS = [`functions.${word('alpha')}:0`, `functions.${word('beta')}:1`] as const;

/**
 * Finds out by rendering small conversations, since nothing in a template says it.
 * @param source the template's text: a role that it never names it would only write as it is
 */
export function probeAbilities(render: Render, source: string): ConversationAbilities {
  const shows = (
    messages: readonly ChatMessage[],
    words: readonly string[],
    options: Partial<Parameters<Render>[1]> = {},
  ): boolean => {
    const text = render(messages, { addGenerationPrompt: true, ...options });
    return text !== undefined && words.every((name) => text.includes(word(name)));
  };
  const system = (name: string): ChatMessage => ({ role: 'system', content: word(name) });
  const result = (id: string, name: string): ChatMessage => ({
    role: 'tool',
    tool_call_id: id,
    name: word('alpha'),
    content: word(name),
  });
  const calling = (...calls: readonly ToolCall[]): readonly ChatMessage[] => [
    user('a'),
    { role: 'assistant', content: '', tool_calls: calls },
  ];
  const thinking = [user('a'), assistant('b', { reasoning_content: word('why') }), user('c')];
  const takesSystem = shows([system('s'), user('a')], ['s', 'a']);
  const showsCalls = (id: string): boolean =>
    shows([...calling(call('alpha', id)), result(id, 'r'), user('c')], ['alpha', 'valuealpha'], { tools: [] }) ||
    shows(calling(call('alpha', id)), ['alpha', 'valuealpha'], { tools: [] });
  const namesCallsById = !showsCalls(PLAIN_IDS[0]) && showsCalls(NAMED_IDS[0]);
  const ids = namesCallsById ? NAMED_IDS : PLAIN_IDS;
  const developer: ChatMessage = { role: 'developer', content: word('d') };
  return {
    takesSystem,
    takesLateSystem: shows(
      [system('s'), system('t'), user('a'), assistant('b'), system('u'), user('c')],
      ['s', 't', 'u', 'a', 'b', 'c'],
    ),
    takesDeveloper:
      /['"]developer['"]/.test(source) &&
      shows([developer, user('a')], ['d', 'a']) &&
      (!takesSystem || shows([system('s'), developer, user('a')], ['s', 'd', 'a'])),
    takesRepeatedRoles: shows(
      [user('a'), user('b'), assistant('c'), assistant('d'), user('e')],
      ['a', 'b', 'c', 'd', 'e'],
    ),
    takesTools: shows([user('a')], ['alpha', 'beta', 'a'], { tools }),
    takesCalls:
      shows([...calling(call('alpha', ids[0])), result(ids[0], 'r'), user('c')], ['alpha', 'valuealpha'], { tools }) ||
      shows(calling(call('alpha', ids[0])), ['alpha', 'valuealpha'], { tools }),
    namesCallsById,
    takesParallelCalls: shows(
      [...calling(call('alpha', ids[0]), call('beta', ids[1])), result(ids[0], 'r'), result(ids[1], 't')],
      ['valuealpha', 'valuebeta'],
      { tools },
    ),
    takesTextWithCalls: shows(
      [user('a'), assistant('b', { tool_calls: [call('alpha', ids[0])] }), result(ids[0], 'r')],
      ['b', 'valuealpha'],
      { tools },
    ),
    takesResults: shows([...calling(call('alpha', ids[0])), result(ids[0], 'r')], ['r'], { tools }),
    keepsReasoning: shows(thinking, ['why']) || shows(thinking, ['why'], { variables: KEEP_REASONING }),
    takesDocuments: shows([user('a')], ['doc'], { variables: { documents: [{ title: 'probe', text: word('doc') }] } }),
  };
}
