import { StarlingError } from '@starling/core';
import type { ChatMessage } from './messages.js';

/**
 * Refuses messages that are none, whose content is not text, and calls without a function, by their place: what only sees or hears is never
 * left out in silence.
 * @throws StarlingError invalid_request
 */
export function checkMessages(messages: readonly ChatMessage[]): void {
  for (const [index, message] of (messages as readonly unknown[]).entries()) {
    const at = `messages[${index}]`;
    if (!isObject(message)) throw wrong(at, 'must be an object');
    const { content, tool_calls: calls } = message;
    if (Array.isArray(content)) {
      for (const [part, value] of (content as unknown[]).entries()) {
        if (!isObject(value) || typeof value['text'] !== 'string' || (value['type'] ?? 'text') !== 'text')
          throw wrong(`${at}.content[${part}]`, 'must be a part of type text: a template shows text alone');
      }
    } else if (typeof (content ?? '') !== 'string') throw wrong(`${at}.content`, 'must be text or a list of parts');
    if (calls === undefined || calls === null) continue;
    if (!Array.isArray(calls)) throw wrong(`${at}.tool_calls`, 'must be a list');
    for (const [call, value] of (calls as unknown[]).entries()) {
      if (!isObject(value) || !isObject(value['function']))
        throw wrong(`${at}.tool_calls[${call}]`, 'must be an object with a function');
    }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function wrong(param: string, why: string): StarlingError {
  return new StarlingError('invalid_request', `${param} ${why}`, { details: { param } });
}
