import type { ChatMessage } from './messages.js';

const ROLES: ReadonlySet<string> = new Set(['system', 'developer']);
const isInstruction = ({ role }: ChatMessage): boolean => ROLES.has(role);

/** Content of a message as one text; its parts are lines. */
const textOf = ({ content }: ChatMessage): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('\n');

/**
 * A conversation as templates take it: one system message at the beginning, of all instructions (`system`, `developer`) that stand there; instructions further on are
 * put before what the user says next, where they were, so that what comes before them stays the same prompt.
 */
export function gatherInstructions(messages: readonly ChatMessage[]): ChatMessage[] {
  const rest = messages.findIndex((message) => !isInstruction(message));
  const first = rest < 0 ? messages : messages.slice(0, rest);
  const conversation: ChatMessage[] =
    first.length > 0 ? [{ role: 'system', content: first.map(textOf).join('\n\n') }] : [];
  let pending: string[] = [];
  for (const message of rest < 0 ? [] : messages.slice(rest)) {
    if (isInstruction(message)) {
      pending.push(textOf(message));
      continue;
    }
    if (pending.length > 0 && message.role !== 'user')
      conversation.push({ role: 'user', content: pending.join('\n\n') });
    conversation.push(
      message.role === 'user' ? { ...message, content: [...pending, textOf(message)].join('\n\n') } : message,
    );
    pending = [];
  }
  if (pending.length > 0) conversation.push({ role: 'user', content: pending.join('\n\n') });
  return conversation;
}
