import { typesOfArgument } from '@starling/grammar';
import type { ToolDefinition } from '../messages.js';

/** A piece of an answer, in the order in which it is to be shown. Joined by kind and index they are the message. */
export type AnswerDelta =
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'content'; readonly text: string }
  /** A call begins. Its name is whole; its arguments follow. */
  | { readonly kind: 'call'; readonly index: number; readonly name: string; readonly id?: string }
  /** More of the JSON text of a call's arguments. */
  | { readonly kind: 'arguments'; readonly index: number; readonly text: string };

/** A call as it was read. */
export interface ReadCall {
  readonly name: string;
  readonly id?: string;
  /** JSON text; of a call that was cut, as far as it went. */
  arguments: string;
}

/** The namespace that tools are shown in by some templates. */
const PREFIX = 'functions.';

/** Where calls go while they are read. */
export class CallSink {
  readonly calls: ReadCall[] = [];
  readonly #emit: (delta: AnswerDelta) => void;
  readonly #tools: ReadonlyMap<string, ToolDefinition>;

  constructor(tools: readonly ToolDefinition[], emit: (delta: AnswerDelta) => void) {
    this.#emit = emit;
    this.#tools = new Map(tools.map((tool) => [tool.function.name, tool]));
  }

  /** The tool that a name means, of those that were offered: only their names make text a call. Models write `functions.` before some. */
  toolOf(name: string): string | undefined {
    if (this.#tools.has(name)) return name;
    const short = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
    return short !== undefined && this.#tools.has(short) ? short : undefined;
  }

  /** The tool whose call an id names: `functions.NAME:0`, or as models also write it, `functions_NAME_0` or `NAME:0`. */
  toolOfId(id: string): string | undefined {
    const names = [id, id.replace(/^functions[._:]/, '')];
    return [...names, ...names.map((name) => name.replace(/[:._]\d+$/, ''))].find((name) => this.#tools.has(name));
  }

  begin(name: string, id?: string): void {
    const call: ReadCall = { name, arguments: '', ...(id !== undefined && { id }) };
    this.#emit({ kind: 'call', index: this.calls.length, ...(id !== undefined && { id }), name });
    this.calls.push(call);
  }

  /** More text of the arguments of the call that began last. */
  add(text: string): void {
    if (text === '') return;
    const index = this.calls.length - 1;
    this.calls[index].arguments += text;
    this.#emit({ kind: 'arguments', index, text });
  }

  /** The JSON types that the schema of a tool's argument allows; undefined where it says nothing of them. */
  typesOf(tool: string, argument: string): readonly string[] | undefined {
    return typesOfArgument(this.#tools.get(tool)?.function.parameters, argument);
  }
}
