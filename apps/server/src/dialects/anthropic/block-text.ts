import { parameterError } from '@starling/core';
import type { Block, ResultBlock } from './schema.js';

/** The text of a block that has one, also of those that tools give back; undefined for the others. */
export function textOfBlock(block: Block | ResultPart): string | undefined {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'document': {
      const { source, title, context } = block;
      const said =
        source.type === 'text'
          ? source.data
          : typeof source.content === 'string'
            ? source.content
            : source.content.map(({ text }) => text).join('\n');
      return lines(title, context, said);
    }
    case 'search_result':
      return lines(block.title, block.source, ...block.content.map(({ text }) => text));
    case 'tool_reference':
      return block.tool_name;
    default:
      return undefined;
  }
}

type ToolResult = Extract<ResultBlock, { type: 'tool_result' }>;
type ResultPart = Exclude<ToolResult['content'], string | null | undefined>[number];

/**
 * What a tool gave back, one of the client's or one that the vendor's servers ran.
 * @throws StarlingError invalid_request for images and files in it
 */
export function textOfResult(block: ResultBlock, place: string): string {
  const text =
    block.type !== 'tool_result'
      ? textOfAny(block.content, `${place}.content`)
      : typeof block.content === 'string'
        ? block.content
        : (block.content ?? []).map((part) => textOfBlock(part) ?? '').join('\n');
  return block.is_error === true ? `Error: ${text}` : text;
}

const lines = (...parts: readonly unknown[]): string =>
  parts.filter((part) => typeof part === 'string' && part !== '').join('\n');

/** What tells a model nothing: only the vendor can read it, or it says what the rest is. */
const UNSAID = /^(?:type|encrypted_.*|signature|cache_control|citations|media_type|file_type|caller)$/;

/** The texts of a result of any kind, in order, each on a line of its own; numbers and such with their names. */
function textOfAny(value: unknown, place: string): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return lines(...value.map((one) => textOfAny(one, place)));
  if (typeof value !== 'object' || value === null) return '';
  const { type } = value as { readonly type?: unknown };
  if (type === 'image' || type === 'base64' || type === 'file')
    throw parameterError('invalid_request', place, `holds ${JSON.stringify(type)}: this model takes text alone`);
  const entries = Object.entries(value).filter(([name, one]) => !UNSAID.test(name) && one !== null);
  return lines(
    ...entries.map(([name, one]) =>
      typeof one === 'object' || (typeof one === 'string' && name !== 'error_code')
        ? textOfAny(one, place)
        : `${name}: ${String(one)}`,
    ),
  );
}
