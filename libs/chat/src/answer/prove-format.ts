import type { AnswerFormat } from '@starling/grammar';
import { AnswerReader } from './answer-reader.js';
import { isUnmarked } from './call-edges.js';
import { PROBE, PROBE_TOOLS, probeCall, probeIds, renderTurn, type Render } from './probe.js';
import type { ChatMessage, ToolCall } from '../messages.js';

/** Arguments that go wrong where a format was read wrongly: quotes, tags, new lines, numbers, nothing. */
const TEXTS = ['plain', 'a "quoted" <b>word</b>, {braces} and [brackets]', 'two\nlines', 'ünïcödé 日本', ''];

/**
 * Whether calls that the template itself writes are read back as they were: one and two, with arguments and without.
 */
export function provesCalls(render: Render, format: AnswerFormat): boolean {
  const ids = probeIds(render) ?? PROBE.ids;
  const call = (index: 0 | 1, values: Readonly<Record<string, unknown>>): ToolCall =>
    probeCall(index, values, ids[index]);
  const messages: Partial<ChatMessage>[] = [
    ...TEXTS.map((text, i) => ({ tool_calls: [call(0, { [PROBE.keys[0]]: text, [PROBE.keys[1]]: -i })] })),
    { tool_calls: [call(0, {})] },
    // Calls without a marker are none behind content.
    ...(format.calls && isUnmarked(format.calls)
      ? []
      : [{ content: PROBE.content, tool_calls: [call(0, { [PROBE.keys[1]]: 7 })] }]),
    { tool_calls: [call(0, { [PROBE.keys[0]]: 'x' }), call(1, {})] },
  ];
  const read = messages.map((message) => isReadBack(render, format, message));
  // A template may refuse some of them, for example two calls at once; not all.
  return !read.includes(false) && read.includes(true);
}

/** Undefined: the template refuses the message, or does not show all of it. */
function isReadBack(render: Render, format: AnswerFormat, message: Partial<ChatMessage>): boolean | undefined {
  const turn = renderTurn(render, message);
  const calls = message.tool_calls ?? [];
  if (turn === undefined || !calls.every((one) => turn.includes(one.function.name))) return undefined;
  const headerAt = turn.indexOf(format.header);
  if (headerAt < 0) return false;
  const reader = new AnswerReader(format, { tools: PROBE_TOOLS, prompt: format.header });
  reader.push(turn.slice(headerAt + format.header.length));
  reader.end();
  const { tool_calls: found = [] } = reader.message;
  return !reader.isCut && found.length === calls.length && calls.every((one, i) => isSame(one, found[i]));
}

function isSame(a: ToolCall, b: ToolCall): boolean {
  return (
    a.function.name === b.function.name &&
    JSON.stringify(a.function.arguments) === JSON.stringify(parsed(b.function.arguments))
  );
}

function parsed(text: ToolCall['function']['arguments']): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : text;
  } catch {
    return undefined;
  }
}
