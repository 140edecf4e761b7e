import { TOOL_CALL_FORMATS, type AnswerFormat, type ReasoningStart } from '@starling/grammar';
import { AnswerReader, type AnswerMessage, type AnswerReaderOptions } from './answer-reader.js';
import { deriveFormat } from './derive-format.js';
import { knownFormat } from './known-calls.js';
import { namedFormat } from './named-formats.js';
import { probeIds, renderOf } from './probe.js';
import { provesCalls } from './prove-format.js';
import type { ChatTemplate } from '../template.js';

/** How answers of a model are read back as messages. Made once for a template. */
export interface AnswerParser {
  readonly format: AnswerFormat;
  /** Whether calls of tools are read. False where the template shows none, or in a way that does not prove itself. */
  readonly readsCalls: boolean;
  /** Whether reasoning is told from content. */
  readonly readsReasoning: boolean;
  /** A reader for one answer, which is given to it as it comes. */
  reader(options?: AnswerReaderOptions): AnswerReader;
  /** A whole answer at once. `isPartial`: more will come, so that what may be the beginning of a marker is left out. */
  parse(text: string, options?: AnswerReaderOptions & { readonly isPartial?: boolean }): AnswerMessage;
  /** Whether an answer to a rendered prompt begins with reasoning. `isBegun`: the prompt ends within the answer. */
  reasoningAfter(prompt: string, options?: { readonly isBegun?: boolean }): ReasoningStart;
}

/** Texts that only templates of families hold whose models fence JSON: DeepSeek, Gemma 4, Ministral, MiniMax. */
const FENCING = ['<｜Assistant｜>', '<|turn>', '[MODEL_SETTINGS]', '[SYSTEM_PROMPT]', ']~b]'];

/**
 * Derives the parser of a template by rendering with it, and proves it: calls that the template writes must be read back as they were. A few
 * formats that templates do not show whole have names, and are proven alike. Else the way to write calls is taken from the families that the template's text names, or the model is said to call no tools.
 * @param template without one, all of an answer is content
 */
export function deriveAnswerParser(template: Pick<ChatTemplate, 'render' | 'source'> | undefined): AnswerParser {
  const source = template?.source ?? '';
  const render = renderOf(template);
  const named = namedFormat(source);
  if (named !== undefined && provesCalls(render, named)) return answerParserOf(named);
  const fencesJson = FENCING.some((sign) => source.includes(sign));
  const derived: AnswerFormat = { ...deriveFormat(render, source), ...(fencesJson && { fencesJson }) };
  const known: AnswerFormat = { ...derived, ...knownFormat(source, derived) };
  // A template that shows calls has to agree.
  const proven = [derived, known].find((format) => format.calls !== undefined && provesCalls(render, format));
  return answerParserOf(proven ?? (probeIds(render) !== undefined ? { ...derived, calls: undefined } : known));
}

/** The parser of a known format. */
export function answerParserOf(format: AnswerFormat): AnswerParser {
  return {
    format,
    readsCalls: format.calls !== undefined,
    readsReasoning: format.reasoning !== undefined,
    reader: (options) => new AnswerReader(format, options),
    parse(text, { isPartial = false, ...options } = {}) {
      const reader = new AnswerReader(format, options);
      reader.push(text);
      if (!isPartial) reader.end();
      return reader.message;
    },
    reasoningAfter: (prompt, options) => new AnswerReader(format, { ...options, prompt }).reasoningStart,
  };
}

/** A parser that reads calls: where the model's template shows none, as most models write them, and as `fit` tells them to. */
export function withCalls(parser: AnswerParser): AnswerParser {
  return parser.readsCalls ? parser : answerParserOf({ ...parser.format, calls: TOOL_CALL_FORMATS.hermes });
}
