import type { ToolDefinition } from '@starling/chat';
import * as v from 'valibot';
import { text } from '../../schemas/fields.js';

/** The longest pattern of an input, in characters. */
const MAX_PATTERN = 16_384;

/** What a tool's input may be, where it is no free text. Grammars in Lark are not known here. */
const pattern = { syntax: v.literal('regex'), definition: text(MAX_PATTERN) };
const freeText = v.looseObject({ type: v.literal('text') });

const tool = { name: text(256), description: v.nullish(v.string()) };

/** A custom tool of the chat API: what it is called with is a text, not an object. It becomes a function of that text. */
export const customToolSchema = v.pipe(
  v.looseObject({
    type: v.literal('custom'),
    custom: v.looseObject({
      ...tool,
      format: v.nullish(
        v.variant('type', [freeText, v.looseObject({ type: v.literal('grammar'), grammar: v.looseObject(pattern) })]),
      ),
    }),
  }),
  v.transform(({ custom: { name, description, format } }) => {
    const pattern = format?.type === 'grammar' ? format.grammar.definition : undefined;
    const { type, function: asked } = functionOfText(name, description, pattern);
    return { type, function: { ...asked, strict: pattern !== undefined }, isCustom: true as const };
  }),
);

/** A choice of such a tool. */
export const customChoiceSchema = v.pipe(
  v.looseObject({ type: v.literal('custom'), custom: v.looseObject({ name: v.string() }) }),
  v.transform(({ custom: { name } }) => ({ type: 'function' as const, function: { name } })),
);

/** A call of such a tool, in a conversation. */
export const customCallSchema = v.pipe(
  v.looseObject({
    id: v.nullish(v.string()),
    type: v.literal('custom'),
    custom: v.looseObject({ name: text(256), input: v.string() }),
  }),
  v.transform(({ id, custom: { name, input } }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: argumentsOfText(input) },
  })),
);

/** The same tool where tools are flat; one that is none of these is not known. */
export const flatCustomToolSchema = v.looseObject({
  type: v.literal('custom'),
  ...tool,
  format: v.nullish(v.variant('type', [freeText, v.looseObject({ type: v.literal('grammar'), ...pattern })])),
});

/** A function whose only argument is a text. */
export function functionOfText(name: string, description: string | null | undefined, pattern?: string): ToolDefinition {
  const input = { type: 'string', ...(pattern !== undefined && { pattern: `^(?:${pattern})$` }) };
  return {
    type: 'function',
    function: {
      name,
      ...(description != null && { description }),
      parameters: { type: 'object', properties: { input }, required: ['input'], additionalProperties: false },
    },
  };
}

/** The arguments that such a function is called with. */
export const argumentsOfText = (input: string): string => JSON.stringify({ input });
