import type { ChatTemplate } from '@starling/chat';
import { isStarlingError, messageOf } from '@starling/core';
import { atOnce, automataOf, buildTokenTrie, packAutomata } from '@starling/grammar';
import type { Tokenizer } from '@starling/tokenizer';
import { chatTemplateFor } from '../chat-template.js';
import { preparedGrammarSteps, vocabularyOf } from '../constraint-grammar.js';
import type { AsideJobs, AsideKind, AsideReply, AsideRequest } from './aside-job.js';

/** The last template that was rendered with: a thread is of one model. */
let known: { readonly tokenizer: Tokenizer; readonly template: ChatTemplate } | undefined;

function templateFor(source: string, tokenizer: Tokenizer): ChatTemplate {
  if (known?.template.source !== source || known.tokenizer !== tokenizer)
    known = { tokenizer, template: chatTemplateFor(source, tokenizer) };
  return known.template;
}

type Doer<Kind extends AsideKind> = (
  given: AsideJobs[Kind]['given'],
  tokenizer: () => Promise<Tokenizer>,
) => Promise<AsideJobs[Kind]['result']> | AsideJobs[Kind]['result'];

const DOERS: { readonly [Kind in AsideKind]: Doer<Kind> } = {
  compile: (constraint) => packAutomata(automataOf(() => atOnce(preparedGrammarSteps(constraint)))),
  index: async ({ logitCount }, tokenizer) => buildTokenTrie(vocabularyOf(await tokenizer(), logitCount)),
  encode: async ({ text, options, withOffsets }, tokenizer) =>
    withOffsets
      ? (await tokenizer()).encodeWithOffsets(text, options)
      : { ids: (await tokenizer()).encode(text, options) },
  render: async ({ source, messages, options }, tokenizer) =>
    templateFor(source, await tokenizer()).render(messages, options),
  decode: async (ids, tokenizer) => (await tokenizer()).decode(ids),
};

/** Does one job. @param tokenizer opens the model's, the first time */
export async function doJob({ kind, given }: AsideRequest, tokenizer: () => Promise<Tokenizer>): Promise<AsideReply> {
  try {
    return { result: await (DOERS[kind] as Doer<AsideKind>)(given as never, tokenizer) };
  } catch (error) {
    if (!isStarlingError(error)) return { fault: messageOf(error) };
    const { code, message, details } = error;
    return { refusal: { code, message, details } };
  }
}

/** Buffers of a result that may be handed over instead of copied: all that nothing else looks at. */
export function buffersOf(result: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const look = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) {
      // A view of a part shares its buffer with others.
      if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength) found.add(value.buffer);
    } else if (Array.isArray(value)) value.forEach(look);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look);
  };
  look(result);
  return [...found];
}
