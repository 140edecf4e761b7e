import type { ChatMessage, ToolDefinition } from '../messages.js';
import type { ConversationAbilities } from './conversation-abilities.js';
import { callText, contentText, resultText, toolsText } from './tool-text.js';

/** A conversation that a template can show whole. */
export interface FittedConversation {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ToolDefinition[] | undefined;
}

/**
 * Brings a conversation into a form that a template can show: what it has no place for moves to where it has one. Nothing is left out.
 * Templates that can show all of it get it as it is.
 */
export function fitConversation(
  messages: readonly ChatMessage[],
  tools: readonly ToolDefinition[] | undefined,
  abilities: ConversationAbilities,
): FittedConversation {
  const {
    takesDeveloper,
    takesTools,
    takesCalls,
    namesCallsById,
    takesParallelCalls,
    takesTextWithCalls,
    takesResults,
    takesLateSystem,
    takesSystem,
    takesRepeatedRoles,
  } = abilities;
  let fitted = messages;
  if (!takesDeveloper)
    fitted = fitted.map((message) => (message.role === 'developer' ? { ...message, role: 'system' } : message));
  const told = tools !== undefined && tools.length > 0 && !takesTools ? tools : undefined;
  if (told) fitted = withSystem(fitted, toolsText(told));
  if (told || !takesCalls) fitted = fitted.map(withCallsAsText);
  else {
    if (namesCallsById) fitted = withNamedIds(fitted);
    if (!takesParallelCalls) fitted = oneCallEach(fitted);
    if (!takesTextWithCalls) fitted = takesRepeatedRoles ? textBeforeCalls(fitted) : textAfterCalls(fitted);
  }
  if (told || !takesCalls || !takesResults) fitted = withResultsAsText(fitted);
  if (!takesLateSystem) fitted = systemFirst(fitted);
  if (!takesSystem) fitted = withoutSystem(fitted);
  if (!takesRepeatedRoles) fitted = merged(fitted);
  return { messages: fitted, tools: told ? undefined : tools };
}

const isRole = (role: string, message: ChatMessage | undefined): boolean => message?.role === role;
const joined = (...texts: readonly string[]): string => texts.filter((text) => text !== '').join('\n\n');

/** With more instructions behind those that there are. */
function withSystem(messages: readonly ChatMessage[], text: string): readonly ChatMessage[] {
  const at = messages.findLastIndex(
    (message, i) => isRole('system', message) && messages.slice(0, i).every((before) => isRole('system', before)),
  );
  return at < 0
    ? [{ role: 'system', content: text }, ...messages]
    : messages.with(at, { ...messages[at], content: joined(contentText(messages[at]), text) });
}

function withCallsAsText(message: ChatMessage): ChatMessage {
  const { tool_calls: calls, ...rest } = message;
  if (calls === undefined || calls.length === 0) return message;
  return { ...rest, content: [contentText(message), ...calls.map(callText)].filter((text) => text !== '').join('\n') };
}

/** Results of one turn's calls come as one message of the user. */
function withResultsAsText(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const fitted: ChatMessage[] = [];
  messages.forEach((message, i) => {
    if (!isRole('tool', message)) return void fitted.push(message);
    const text = resultText(contentText(message));
    const last = fitted.at(-1);
    if (isRole('tool', messages[i - 1]) && last)
      fitted[fitted.length - 1] = { ...last, content: `${contentText(last)}\n${text}` };
    else fitted.push({ role: 'user', content: text });
  });
  return fitted;
}

/** The ids of calls, and of their results, made to hold the names of tools and the number of the call in the conversation. */
function withNamedIds(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const ids = new Map<string, string>();
  let count = 0;
  return messages.map((message) => {
    const { tool_calls: calls, tool_call_id: id } = message;
    const named = calls?.map((call) => {
      const own = `functions.${call.function.name}:${count++}`;
      if (call.id !== undefined) ids.set(call.id, own);
      return { ...call, id: own };
    });
    return {
      ...message,
      ...(named && { tool_calls: named }),
      ...(id !== undefined && { tool_call_id: ids.get(id) ?? id }),
    };
  });
}

/** Each call in a message of its own, with its result behind it; text and reasoning stay with the first. */
function oneCallEach(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const fitted: ChatMessage[] = [];
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i];
    const calls = message.tool_calls ?? [];
    if (calls.length < 2) {
      fitted.push(message);
      continue;
    }
    let end = i + 1;
    while (isRole('tool', messages[end])) end++;
    const results = messages.slice(i + 1, end);
    // By their ids, else by their order.
    const resultOf = calls.map(
      (call, k) =>
        results.find(({ tool_call_id: id }) => id !== undefined && id === call.id) ??
        results.filter(({ tool_call_id: id }) => !calls.some((other) => other.id !== undefined && other.id === id))[k],
    );
    for (const [k, call] of calls.entries()) {
      fitted.push(
        k === 0 ? { ...message, tool_calls: [call] } : { role: message.role, content: '', tool_calls: [call] },
      );
      const result = resultOf[k];
      if (result) fitted.push(result);
    }
    fitted.push(...results.filter((result) => !resultOf.includes(result)));
    i = end - 1;
  }
  return fitted;
}

const hasCalls = (message: ChatMessage): boolean => (message.tool_calls?.length ?? 0) > 0;

/** Text beside calls in a message of its own. */
function textBeforeCalls(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return messages.flatMap((message) => {
    const text = contentText(message);
    return hasCalls(message) && text !== ''
      ? [
          { role: message.role, content: text },
          { ...message, content: '' },
        ]
      : [message];
  });
}

/**
 * Text beside calls at the beginning of the assistant's next text, where two messages of the assistant may not follow each other. While
 * there is none yet it stays where it is: the model goes on from the calls' results alone, as it does wherever its template is used.
 */
function textAfterCalls(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const fitted = [...messages];
  for (let i = fitted.length - 1; i >= 0; i--) {
    const text = contentText(fitted[i]);
    if (!hasCalls(fitted[i]) || text === '') continue;
    const next = fitted.findIndex(
      (later, k) => k > i && (isRole('user', later) || (isRole('assistant', later) && !hasCalls(later))),
    );
    if (!isRole('assistant', fitted[next])) continue;
    fitted[i] = { ...fitted[i], content: '' };
    fitted[next] = { ...fitted[next], content: joined(text, contentText(fitted[next])) };
  }
  return fitted;
}

/** Instructions before the conversation become one message, later ones the beginning of the user's next message, or one of theirs. */
function systemFirst(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const begin = messages.findIndex((message) => !isRole('system', message));
  const leading = begin < 0 ? messages : messages.slice(0, begin);
  const fitted: ChatMessage[] =
    leading.length === 0 ? [] : [{ ...leading[0], content: joined(...leading.map(contentText)) }];
  return begin < 0 ? fitted : [...fitted, ...systemIntoUser(messages.slice(begin))];
}

/** Instructions as the beginning of the user's message behind them, or as one of the user's. */
function systemIntoUser(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const fitted: ChatMessage[] = [];
  let held = '';
  const release = (): void => {
    if (held !== '') fitted.push({ role: 'user', content: held });
    held = '';
  };
  for (const message of messages) {
    if (isRole('system', message)) held = joined(held, contentText(message));
    else if (isRole('user', message) && held !== '') {
      fitted.push({ ...message, content: joined(held, contentText(message)) });
      held = '';
    } else {
      release();
      fitted.push(message);
    }
  }
  release();
  return fitted;
}

const withoutSystem = systemIntoUser;

/** Messages of one role that follow each other as one; results and calls stay as they are. */
function merged(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const fitted: ChatMessage[] = [];
  for (const message of messages) {
    const last = fitted.at(-1);
    const isPlain = (one: ChatMessage): boolean =>
      (isRole('user', one) || isRole('assistant', one)) && (one.tool_calls ?? []).length === 0;
    if (last && last.role === message.role && isPlain(last) && isPlain(message)) {
      const reasoning = [last, message].flatMap(({ reasoning_content: text }) => (text === undefined ? [] : [text]));
      fitted[fitted.length - 1] = {
        ...last,
        content: joined(contentText(last), contentText(message)),
        ...(reasoning.length > 0 && { reasoning_content: joined(...reasoning) }),
      };
    } else fitted.push(message);
  }
  return fitted;
}
