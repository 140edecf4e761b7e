import type { TokenLogprobs } from '@starling/engine';
import type { StreamEvent } from '../../dialect.js';
import { logprobBody } from '../chat-bodies.js';
import type { OutputDelta } from '../custom-calls.js';

type Status = 'in_progress' | 'completed' | 'incomplete';
/** An event before it has its number. */
export type OutputEvent = Readonly<Record<string, unknown>> & { readonly type: string };

interface MessageItem {
  readonly type: 'message';
  readonly id: string;
  readonly role: 'assistant';
  status: Status;
  content: { type: 'output_text'; text: string; annotations: []; logprobs: object[] }[];
}

interface ReasoningItem {
  readonly type: 'reasoning';
  readonly id: string;
  status: Status;
  readonly summary: [];
  content: { type: 'reasoning_text'; text: string }[];
}

interface CustomItem {
  readonly type: 'custom_tool_call';
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  input: string;
  status: Status;
}

interface CallItem {
  readonly type: 'function_call';
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  arguments: string;
  status: Status;
}

export type OutputItem = MessageItem | ReasoningItem | CallItem | CustomItem;

const idOf = (prefix: string): string => `${prefix}_${crypto.randomUUID().replaceAll('-', '')}`;

/** Numbers the events of a response, and gives each its name. */
export class EventSequence {
  #next = 0;

  event(event: OutputEvent): StreamEvent {
    return { event: event.type, data: { ...event, sequence_number: this.#next++ } };
  }
}

/** The items of an answer as they grow, and what a stream tells of them. One item is open at a time. */
export class ResponseOutput {
  readonly items: OutputItem[] = [];
  readonly #callIds = new Set<string>();
  #open: OutputItem | undefined;

  /** The items as they stand; what is under way says so. */
  get soFar(): OutputItem[] {
    return structuredClone(this.items);
  }

  /** The same where nothing more will come. */
  get cut(): OutputItem[] {
    return this.soFar.map((item) => (item.status === 'in_progress' ? { ...item, status: 'incomplete' } : item));
  }

  /** Takes a piece of the answer. */
  *push(delta: OutputDelta, logprobs: readonly TokenLogprobs[] | undefined): Generator<OutputEvent> {
    switch (delta.kind) {
      case 'content':
        // What keeps it apart from what was said before a call is for messages that are one text.
        yield* this.#text(
          'message',
          this.#open?.type.endsWith('_call') ? delta.text.trimStart() : delta.text,
          logprobs,
        );
        return;
      case 'reasoning':
        yield* this.#text('reasoning', delta.text, undefined);
        return;
      case 'call':
      case 'custom': {
        yield* this.#close('completed');
        const own = delta.id !== undefined && delta.id !== '' && !this.#callIds.has(delta.id) ? delta.id : idOf('call');
        this.#callIds.add(own);
        yield* this.#add(
          delta.kind === 'call'
            ? {
                type: 'function_call',
                id: idOf('fc'),
                call_id: own,
                name: delta.name,
                arguments: '',
                status: 'in_progress',
              }
            : {
                type: 'custom_tool_call',
                id: idOf('ctc'),
                call_id: own,
                name: delta.name,
                input: '',
                status: 'in_progress',
              },
        );
        return;
      }
      case 'input':
        if (this.#open?.type !== 'custom_tool_call') return;
        this.#open.input += delta.text;
        yield { type: 'response.custom_tool_call_input.delta', ...this.#place(), delta: delta.text };
        return;
      case 'arguments':
        if (this.#open?.type !== 'function_call') return;
        this.#open.arguments += delta.text;
        yield { type: 'response.function_call_arguments.delta', ...this.#place(), delta: delta.text };
    }
  }

  /** Ends the last item; an answer of nothing is an empty message. */
  *end(isCut: boolean): Generator<OutputEvent> {
    if (this.items.length === 0) yield* this.#text('message', '', undefined);
    yield* this.#close(isCut ? 'incomplete' : 'completed');
  }

  *#text(
    type: 'message' | 'reasoning',
    text: string,
    logprobs: readonly TokenLogprobs[] | undefined,
  ): Generator<OutputEvent> {
    let item = this.#open;
    if (item?.type !== type) {
      yield* this.#close('completed');
      item =
        type === 'message'
          ? { type, id: idOf('msg'), role: 'assistant', status: 'in_progress', content: [] }
          : { type, id: idOf('rs'), status: 'in_progress', summary: [], content: [] };
      yield* this.#add(item);
      if (item.type === 'message') item.content.push({ type: 'output_text', text: '', annotations: [], logprobs: [] });
      else item.content.push({ type: 'reasoning_text', text: '' });
      yield {
        type: 'response.content_part.added',
        ...this.#place(),
        content_index: 0,
        part: structuredClone(item.content[0]),
      };
    }
    if (item.type === 'message') {
      const entries = (logprobs ?? []).map(logprobBody);
      item.content[0].text += text;
      item.content[0].logprobs.push(...entries);
      if (text !== '' || entries.length > 0)
        yield {
          type: 'response.output_text.delta',
          ...this.#place(),
          content_index: 0,
          delta: text,
          logprobs: entries,
        };
    } else if (item.type === 'reasoning') {
      item.content[0].text += text;
      if (text !== '') yield { type: 'response.reasoning_text.delta', ...this.#place(), content_index: 0, delta: text };
    }
  }

  *#add(item: OutputItem): Generator<OutputEvent> {
    this.items.push(item);
    this.#open = item;
    yield { type: 'response.output_item.added', output_index: this.items.length - 1, item: structuredClone(item) };
  }

  *#close(status: Status): Generator<OutputEvent> {
    const item = this.#open;
    if (!item) return;
    const place = this.#place();
    this.#open = undefined;
    item.status = status;
    if (item.type === 'function_call') {
      // A call without arguments has an empty object: clients parse it.
      if (item.arguments === '' && status === 'completed') item.arguments = '{}';
      yield { type: 'response.function_call_arguments.done', ...place, name: item.name, arguments: item.arguments };
    } else if (item.type === 'custom_tool_call')
      yield { type: 'response.custom_tool_call_input.done', ...place, input: item.input };
    else {
      const [part] = item.content;
      const { text } = part;
      yield item.type === 'message'
        ? { type: 'response.output_text.done', ...place, content_index: 0, text, logprobs: item.content[0].logprobs }
        : { type: 'response.reasoning_text.done', ...place, content_index: 0, text };
      yield { type: 'response.content_part.done', ...place, content_index: 0, part: structuredClone(part) };
    }
    yield { type: 'response.output_item.done', output_index: place.output_index, item: structuredClone(item) };
  }

  #place(): { readonly item_id: string; readonly output_index: number } {
    return { item_id: this.#open?.id ?? '', output_index: this.items.length - 1 };
  }
}
