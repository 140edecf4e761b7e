import { compileTemplate, type ChatTemplate } from '@starling/chat';
import type { Tokenizer } from '@starling/tokenizer';

/** A chat template for a vocabulary. One that does not compile fails when it is used: the model can still do everything else. */
export function chatTemplateFor(source: string, tokenizer: Tokenizer): ChatTemplate {
  const { special } = tokenizer;
  const textOf = (id: number | undefined): string => (id === undefined ? '' : tokenizer.tokenText(id));
  const controlTexts: string[] = [];
  for (let id = 0; id < tokenizer.vocabSize; id++)
    if (tokenizer.isControl(id)) controlTexts.push(tokenizer.tokenText(id));
  let compiled: ChatTemplate | undefined;
  const template = (): ChatTemplate =>
    (compiled ??= compileTemplate(source, {
      bosToken: textOf(special.bos),
      eosToken: textOf(special.eos),
      controlTexts,
    }));
  return {
    source,
    get abilities() {
      return template().abilities;
    },
    render: (messages, options) => template().render(messages, options),
    renderSteps: (messages, options) => template().renderSteps(messages, options),
  };
}
