import type { RenderedRun } from '@starling/jinja';
import type { ChatMessage } from './messages.js';

/** Where in a prompt a message's own text stands, from its first character to its last: its role and what is around it may be the template's. */
export interface MessageSpan {
  /** Which of the rendered messages. */
  readonly message: number;
  readonly role: string;
  /** Half-open range in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** The spans of all messages that left any text in a prompt, in the order of the prompt. */
export function messageSpans(runs: readonly RenderedRun[], messages: readonly ChatMessage[]): MessageSpan[] {
  const spans = new Map<number, MessageSpan>();
  for (const { start, end, path, isTemplate } of runs) {
    const [root, message] = path;
    if (root !== 'messages' || typeof message !== 'number' || isTemplate) continue;
    const known = spans.get(message);
    spans.set(message, {
      message,
      role: messages[message]?.role ?? '',
      start: Math.min(start, known?.start ?? start),
      end: Math.max(end, known?.end ?? end),
    });
  }
  return [...spans.values()].sort((a, b) => a.start - b.start);
}

/** Where the content of a message ends, for an answer that goes on with it; undefined if the template shows none of it. */
export function contentEnd(runs: readonly RenderedRun[], message: number): number | undefined {
  return runs.findLast(
    ({ path, isTemplate }) => !isTemplate && path[0] === 'messages' && path[1] === message && path[2] === 'content',
  )?.end;
}
