import { KEEP_HISTORY } from '../keep-history.js';
import { isStarlingError } from '@starling/core';
import type { ChatMessage, ToolDefinition } from '../messages.js';

/** Renders a conversation. Undefined: the template refuses it. */
export type Render = (
  messages: readonly ChatMessage[],
  options: {
    readonly tools?: readonly ToolDefinition[];
    readonly addGenerationPrompt: boolean;
    readonly variables?: Readonly<Record<string, unknown>>;
  },
) => string | undefined;

/** A template, as far as it is rendered with. */
interface Renderer {
  render(...conversation: Parameters<Render>): { readonly text: string };
}

/** How a template renders: what it refuses is undefined. */
export function renderOf(template: Renderer | undefined): Render {
  return (messages, options) => {
    try {
      return template?.render(messages, options).text;
    } catch (error) {
      if (isStarlingError(error, 'invalid_template')) return undefined;
      throw error;
    }
  };
}

/** Words that no template writes and that no model was asked about. */
export const PROBE = {
  user: 'zquserqz',
  content: 'zqcontentqz',
  reasoning: 'zqreasonqz',
  tools: ['zqalphaqz', 'zqbetaqz'],
  /** A text, and a number: in the order in which templates that sort keys write them. */
  keys: ['zqakeyqz', 'zqbkeyqz'],
  text: 'zqvalueqz',
  number: 84731905,
  ids: ['zqida0001', 'zqidb0002'],
} as const;

const parameters = {
  type: 'object',
  properties: {
    [PROBE.keys[0]]: { type: 'string', description: 'A text.' },
    [PROBE.keys[1]]: { type: 'integer', description: 'A number.' },
  },
  required: [...PROBE.keys],
};

export const PROBE_TOOLS: readonly ToolDefinition[] = PROBE.tools.map((name) => ({
  type: 'function',
  function: { name, description: 'A probe.', parameters },
}));

/** Variables under which templates show reasoning of earlier turns, by whatever name. */
export const KEEP_REASONING = { enable_thinking: true, thinking: true, ...KEEP_HISTORY };

/** The same where reasoning has to be asked for. */
export const HARD_REASONING = { ...KEEP_REASONING, reasoning_effort: 'high', thinking_mode: 'enabled' };

/** Arguments of both kinds. */
const VALUES: Readonly<Record<string, unknown>> = { [PROBE.keys[0]]: PROBE.text, [PROBE.keys[1]]: PROBE.number };

export function probeCall(
  index: 0 | 1,
  values = VALUES,
  id: string = PROBE.ids[index],
): NonNullable<ChatMessage['tool_calls']>[number] {
  return { id, type: 'function', function: { name: PROBE.tools[index], arguments: values } };
}

/** Renders what an assistant's turn becomes: the text behind the user's message. */
export function renderTurn(
  render: Render,
  message: (Partial<ChatMessage> & Readonly<Record<string, unknown>>) | undefined,
  variables?: Readonly<Record<string, unknown>>,
): string | undefined {
  const user: ChatMessage = { role: 'user', content: PROBE.user };
  const messages = message ? [user, { role: 'assistant', content: '', ...message } as ChatMessage] : [user];
  const text = render(messages, {
    tools: PROBE_TOOLS,
    addGenerationPrompt: message === undefined,
    ...(variables && { variables }),
  });
  const at = text?.lastIndexOf(PROBE.user) ?? -1;
  return text === undefined || at < 0 ? undefined : text.slice(at + PROBE.user.length);
}

/** Ids that hold the names of tools: some templates write nothing else of a name. */
const NAMED_IDS = PROBE.tools.map((name, i) => `functions.${name}:${i}`);

/** The ids that calls are to be rendered with: their names show by them. Undefined: the template writes no calls of tools at all. */
export function probeIds(render: Render): readonly string[] | undefined {
  return [PROBE.ids, NAMED_IDS].find((ids) =>
    renderTurn(render, { tool_calls: [probeCall(0, undefined, ids[0])] })?.includes(PROBE.tools[0]),
  );
}
