/** How a model writes calls of tools. White space in the texts stands for any, or none. */
export interface ToolCallFormat {
  /** Before the first call, and after the last. */
  readonly open: string;
  readonly close: string;
  readonly openCall: string;
  readonly closeCall: string;
  /** Between two calls; undefined if there is only ever one. */
  readonly between: string | undefined;
  /** A JSON object with the name under `name` and the arguments under `argumentsKey`; or the name between two texts, and the arguments after it. */
  readonly body:
    { readonly kind: 'object'; readonly argumentsKey: string } | { readonly kind: 'tag'; readonly beforeName: string; readonly afterName: string };
}

const plain = { open: '', close: '', openCall: '', closeCall: '', between: undefined };

/** The formats of common model families. */
export const TOOL_CALL_FORMATS = {
  /** Hermes, Qwen 2.5 and 3, and others with ChatML: `<tool_call>{"name": ..., "arguments": ...}</tool_call>`. */
  hermes: { ...plain, openCall: '<tool_call>\n', closeCall: '\n</tool_call>', between: '\n', body: { kind: 'object', argumentsKey: 'arguments' } },
  /** One JSON object: `{"name": ..., "arguments": ...}`. */
  json: { ...plain, body: { kind: 'object', argumentsKey: 'arguments' } },
  /** A list of such objects. */
  jsonList: { ...plain, open: '[', close: ']', between: ', ', body: { kind: 'object', argumentsKey: 'arguments' } },
  /** Llama 3.1 and later: `{"name": ..., "parameters": ...}`. */
  llama3: { ...plain, body: { kind: 'object', argumentsKey: 'parameters' } },
  /** Mistral: `[TOOL_CALLS][{"name": ..., "arguments": ...}]`. */
  mistral: { ...plain, open: '[TOOL_CALLS] [', close: ']', between: ', ', body: { kind: 'object', argumentsKey: 'arguments' } },
  /** `<function=NAME>{...}</function>`. */
  functionTag: { ...plain, closeCall: '</function>', between: '\n', body: { kind: 'tag', beforeName: '<function=', afterName: '>' } },
} as const satisfies Record<string, ToolCallFormat>;

export type ToolCallFormatName = keyof typeof TOOL_CALL_FORMATS;

/** The text with which calls begin if it is told from prose and JSON: where a lazy grammar starts. Empty for plain JSON. */
export function markerOf(format: ToolCallFormat): string {
  const beginning = format.open + format.openCall + (format.body.kind === 'tag' ? format.body.beforeName : '');
  return /^[^\s{]*/.exec(beginning.replace(/\s*[[{]?\s*$/, ''))![0];
}
