import { LOOSE, type AnswerFormat } from '@starling/grammar';

/**
 * Harmony, as gpt-oss writes it: an answer is a row of messages, each with a channel and perhaps a recipient, who may stand before the channel
 * or behind it. Templates show one of these ways, and drop channels of earlier turns.
 */
const HARMONY: AnswerFormat = {
  header: '<|start|>assistant',
  begun: '',
  reasoning: { start: '<|channel|>analysis<|message|>', end: '<|end|><|start|>assistant' },
  contentStart: '<|channel|>final<|message|>',
  // Words to the user before a call; and channels without a message.
  contentEnds: ['<|channel|>commentary<|message|>', '<|channel|>commentary', '<|end|><|start|>assistant', '<|end|>'],
  turnEnd: '<|return|>',
  calls: {
    sectionStart: '<|channel|>commentary ',
    sectionEnd: '',
    callStart: 'to=functions.',
    callEnd: '<|call|>',
    separator: '',
    isSingle: true,
    body: { kind: 'named-json', nameEnd: `${LOOSE} <|constrain|>json${LOOSE}<|message|>` },
  },
};

/** Formats that templates do not show whole, each by texts that only its templates hold. */
const NAMED: readonly { readonly signs: readonly string[]; readonly format: AnswerFormat }[] = [
  { signs: ['<|channel|>analysis<|message|>', '<|channel|>final<|message|>', 'commentary'], format: HARMONY },
];

/** The named format of a template's text; undefined: it is to be derived. */
export function namedFormat(source: string): AnswerFormat | undefined {
  return NAMED.find(({ signs }) => signs.every((sign) => source.includes(sign)))?.format;
}
