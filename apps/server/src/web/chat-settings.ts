/** How answers of a conversation are asked for. What is absent is the server's default. */
export interface ChatSettings {
  readonly model?: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repeatPenalty?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  /** One a line. */
  readonly stop?: string;
  readonly reasoning?: string;
  /** A JSON Schema, as it was pasted. */
  readonly schema?: string;
  /** An array of tools, as it was pasted. */
  readonly tools?: string;
  readonly showsChances?: boolean;
  /** Computed by this page, where the server lets it. */
  readonly isInTab?: boolean;
}

/** What was pasted, or why it cannot be used. */
export type Pasted<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'wrong'; readonly why: string };

function pastedJson(text: string | undefined): Pasted<unknown> {
  if (text === undefined || text.trim() === '') return { kind: 'none' };
  try {
    return { kind: 'value', value: JSON.parse(text) as unknown };
  } catch (error) {
    return { kind: 'wrong', why: `This is not JSON: ${error instanceof SyntaxError ? error.message : String(error)}` };
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A schema as it stands, or one that was pasted with OpenAI's frame around it. */
export function pastedSchema(text: string | undefined): Pasted<object> {
  const pasted = pastedJson(text);
  if (pasted.kind !== 'value') return pasted;
  if (!isObject(pasted.value))
    return { kind: 'wrong', why: 'A schema is a JSON object, like {"type": "object", "properties": {…}}.' };
  const framed = isObject(pasted.value.json_schema) ? pasted.value.json_schema : pasted.value;
  return { kind: 'value', value: isObject(framed.schema) && framed.type === undefined ? framed.schema : framed };
}

/** Tools as OpenAI's chat has them; functions alone are put into their frame. */
export function pastedTools(text: string | undefined): Pasted<readonly object[]> {
  const pasted = pastedJson(text);
  if (pasted.kind !== 'value') return pasted;
  const list: readonly unknown[] = Array.isArray(pasted.value) ? (pasted.value as unknown[]) : [pasted.value];
  const tools: object[] = [];
  for (const one of list) {
    const named = isObject(one) && isObject(one.function) ? one.function : one;
    if (!isObject(named) || typeof named.name !== 'string')
      return { kind: 'wrong', why: 'Each tool needs a name: [{"name": "…", "parameters": {…}}].' };
    tools.push({ type: 'function', function: named });
  }
  return { kind: 'value', value: tools };
}
