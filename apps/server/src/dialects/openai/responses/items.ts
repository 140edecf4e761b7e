import type { ChatMessage, ToolCall } from '@starling/chat';
import { StarlingError } from '@starling/core';
import { argumentsOfText } from '../custom-tools.js';
import { isServedItem, TEXT_KINDS, type ItemBody, type PartBody, type ServedItem } from './schema.js';
import { servedStepOf, type ServedStep } from './served-calls.js';

const ROLES: ReadonlySet<string> = new Set(['user', 'assistant', 'system', 'developer']);

/** Finds an item by its id, of this conversation or of what is stored. */
export type FindItem = (id: string) => ItemBody | undefined;

/**
 * The items of a conversation as messages: what the assistant thought, said and called in one turn is one message.
 * @throws StarlingError invalid_request naming the item that cannot be read
 */
export function messagesOf(items: readonly ItemBody[], find: FindItem): ChatMessage[] {
  const reader = new ItemReader(find);
  items.forEach((item, i) => reader.read(item, `input[${i}]`));
  return reader.end();
}

/** What the assistant thought, said and called without being interrupted. */
interface Turn {
  content: string;
  reasoning: string;
  readonly calls: ToolCall[];
}

class ItemReader {
  readonly #messages: ChatMessage[] = [];
  readonly #names = new Map<string, string>();
  readonly #find: FindItem;
  /** The assistant's turn under way. */
  #turn: Turn | undefined;

  constructor(find: FindItem) {
    this.#find = find;
  }

  end(): ChatMessage[] {
    this.#close();
    return this.#messages;
  }

  read(item: ItemBody, place: string): void {
    if (isServedItem(item)) return this.#served(item, place);
    const type = item.type ?? (item.role == null ? undefined : 'message');
    switch (type) {
      case 'message':
        return this.#message(item, place);
      case 'reasoning': {
        const turn = this.#open();
        turn.reasoning +=
          [textOf(item.content ?? [], place), textOf(item.summary ?? [], place)].find((text) => text !== '') ?? '';
        return;
      }
      case 'function_call':
      case 'custom_tool_call': {
        const values = type === 'function_call' ? (item.arguments ?? '{}') : argumentsOfText(item.input ?? '');
        return this.#call({
          id: required(item.call_id ?? item.id, `${place}.call_id`),
          name: required(item.name, `${place}.name`),
          arguments: values,
        });
      }
      case 'function_call_output':
      case 'custom_tool_call_output':
        return this.#output({
          id: required(item.call_id, `${place}.call_id`),
          text: textOf(item.output ?? '', `${place}.output`),
        });
      case 'item_reference': {
        const found = item.id == null ? undefined : this.#find(item.id);
        if (found === undefined || found.type === 'item_reference')
          throw new StarlingError('not_found', `there is no item ${JSON.stringify(item.id ?? '')} to refer to`, {
            details: { param: `${place}.id` },
          });
        return this.read(found, place);
      }
      case undefined:
        throw refused(`${place}.type`, 'an item needs a type, or a role and a content');
      default:
        throw refused(
          `${place}.type`,
          `items of type ${JSON.stringify(type)} cannot be read: this model takes messages, calls of functions, their outputs and reasoning`,
        );
    }
  }

  #served(item: ServedItem, place: string): void {
    const { call, output } = servedStepOf(item, place);
    if (call) this.#call(call);
    if (output) this.#output(output);
  }

  #message(item: Exclude<ItemBody, ServedItem>, place: string): void {
    const { role } = item;
    if (role == null || !ROLES.has(role)) throw refused(`${place}.role`, `a role is one of ${[...ROLES].join(', ')}`);
    const content = textOf(item.content ?? '', `${place}.content`);
    if (role === 'assistant') {
      // Text behind calls is another turn.
      if (this.#turn && this.#turn.calls.length > 0) this.#close();
      this.#open().content += content;
      return;
    }
    this.#close();
    this.#messages.push({ role, content });
  }

  #call({ id, name, arguments: values }: NonNullable<ServedStep['call']>): void {
    this.#names.set(id, name);
    this.#open().calls.push({ id, type: 'function', function: { name, arguments: values } });
  }

  #output({ id, text }: NonNullable<ServedStep['output']>): void {
    this.#close();
    const name = this.#names.get(id);
    this.#messages.push({ role: 'tool', content: text, tool_call_id: id, ...(name !== undefined && { name }) });
  }

  #open(): Turn {
    return (this.#turn ??= { content: '', reasoning: '', calls: [] });
  }

  #close(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (!turn) return;
    const { content, reasoning, calls } = turn;
    this.#messages.push({
      role: 'assistant',
      content,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    });
  }
}

function textOf(content: string | readonly PartBody[], place: string): string {
  if (typeof content === 'string') return content;
  return content
    .map(({ type, text, refusal }, i) => {
      if (!TEXT_KINDS.has(type))
        throw refused(`${place}[${i}].type`, `${JSON.stringify(type)} cannot be read: this model takes text alone`);
      return text ?? refusal ?? '';
    })
    .join('');
}

function required(value: string | null | undefined, param: string): string {
  if (value == null || value === '') throw refused(param, 'this is missing');
  return value;
}

function refused(param: string, problem: string): StarlingError {
  return new StarlingError('invalid_request', `${param}: ${problem}`, { details: { param, problem } });
}
