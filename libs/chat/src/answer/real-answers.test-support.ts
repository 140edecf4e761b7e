import { ARGUMENT_NAME, type AnswerFormat, type CallFormat } from '@starling/grammar';
import type { ToolDefinition } from '../messages.js';
import { edgesOf } from './call-edges.js';
import { answerOf, type Written } from './round-trip.test-support.js';

/** The tools that were offered. */
export const TOOLS: readonly ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather of a place.',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string', description: 'Where.' },
          days: { type: 'integer', description: 'How long.' },
          near: { anyOf: [{ type: 'number' }, { type: 'string' }], description: 'Near what.' },
        },
        required: [],
      },
    },
  },
];

/** What an answer must be read as. */
export interface Reading {
  readonly content?: string;
  readonly reasoning?: string;
  /** Arguments of calls of `get_weather`. */
  readonly calls?: readonly unknown[];
  readonly isCut?: boolean;
  readonly isMissed?: boolean;
}

/** An answer as models write it, and what it must be read as. */
export interface RealAnswer {
  /** What the prompt ends with. Default: the format's header, and what the template begins behind it. */
  readonly prompt?: string;
  readonly text: string;
  readonly expected: Reading;
}

/** A way in which models depart from what their templates show. */
export interface Deviation {
  /** What happens, and where it was lost. */
  readonly name: string;
  /** Undefined: it cannot happen in this format. */
  readonly write: (writer: Writer) => RealAnswer | undefined;
}

const VALUES = { city: 'Rome', days: 3 };
const WEATHER = [VALUES];

/** Writes answers in a template's format. */
export class Writer {
  readonly format: AnswerFormat;
  readonly calls: CallFormat;
  readonly #template: Written;

  constructor(template: Written) {
    const { format } = template.parser;
    if (format.calls === undefined) throw new RangeError('the template shows no calls');
    this.#template = template;
    this.format = format;
    this.calls = format.calls;
  }

  get prompt(): string {
    return this.format.header + this.format.begun;
  }

  /** A call as the template writes it, without the end of its turn. */
  call(values: Readonly<Record<string, unknown>> = VALUES): string {
    return this.#turn('', [{ name: 'get_weather', arguments: values }]);
  }

  /** Content as the template writes it, without the end of its turn. */
  content(text: string): string {
    return this.#turn(text, []);
  }

  get reasoning(): { readonly start: string; readonly end: string } | undefined {
    return this.format.reasoning;
  }

  #turn(
    content: string,
    calls: readonly { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }[],
  ): string {
    const text = answerOf(this.#template, { tools: TOOLS, content, reasoning: '', calls })?.text ?? '';
    const end = this.format.turnEnd.trim();
    const at = end === '' ? -1 : text.lastIndexOf(end);
    return at < 0 ? text : text.slice(0, at);
  }
}

const squeezed = (text: string): string => text.replaceAll(/\s+/g, '');
const hasNameField = ({ body }: CallFormat): boolean =>
  body.kind === 'json' && body.fields.some(({ holds }) => holds === 'name');

/** The deviations that were reported, each of them as a loss: the same tolerance holds in every format. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    name: 'a call inside of reasoning that was not closed ends the reasoning',
    write: (w) =>
      w.reasoning && {
        text: `${w.reasoning.start}Let me see.\n${w.call()}`,
        expected: { reasoning: 'Let me see.', calls: WEATHER },
      },
  },
  {
    name: 'a call inside of reasoning that the prompt began ends it too',
    write: (w) =>
      w.reasoning && w.reasoning.start !== ''
        ? {
            prompt: `${w.prompt}${w.reasoning.start}\n`,
            text: `Let me see.\n${w.call()}`,
            expected: { reasoning: 'Let me see.', calls: WEATHER },
          }
        : undefined,
  },
  {
    name: 'a call without any reasoning is a call of a thinking model too',
    write: (w) => ({ text: w.call(), expected: { calls: WEATHER } }),
  },
  {
    name: 'reasoning, words and then a call lose none of the three',
    write(w) {
      if (!w.reasoning || w.format.contentStart !== '') return undefined;
      return {
        text: `${w.reasoning.start}Hm.${w.reasoning.end}I will look. ${w.call()}`,
        expected: { reasoning: 'Hm.', content: 'I will look.', calls: WEATHER },
      };
    },
  },
  {
    name: 'the opener of a section is left out',
    write(w) {
      const { sectionStart, callStart } = w.calls;
      if (sectionStart.trim() === '' || callStart.trim() === '') return undefined;
      return { text: w.call().replace(sectionStart.trim(), ''), expected: { calls: WEATHER } };
    },
  },
  {
    name: 'the first tag of a call is left out, where a tool of that name was offered',
    write(w) {
      const [, inner] = edgesOf(w.calls).starts;
      const text = w.call();
      return inner === undefined
        ? undefined
        : { text: text.slice(text.indexOf(inner.trim())), expected: { calls: WEATHER } };
    },
  },
  {
    name: 'closing tags come twice',
    write(w) {
      const end = w.calls.callEnd.trim();
      return end.startsWith('<')
        ? { text: w.call().replace(end, `${end}\n${end}`), expected: { calls: WEATHER } }
        : undefined;
    },
  },
  {
    name: 'the closing tag of a value comes twice and does not leak into it',
    write(w) {
      const { body } = w.calls;
      if (body.kind !== 'tagged' || !body.valueEnd.trim().startsWith('<')) return undefined;
      const end = body.valueEnd.trim();
      return { text: w.call().replaceAll(end, `${end}\n${end}`), expected: { calls: WEATHER } };
    },
  },
  {
    name: 'the end of the turn is written out, and the model goes on',
    write(w) {
      const { turnEnd } = w.format;
      return turnEnd.trim() === ''
        ? undefined
        : { text: `${w.content('Done.')}${turnEnd}\nuser: Thanks!`, expected: { content: 'Done.' } };
    },
  },
  {
    name: 'the end of the turn is written out behind a call',
    write(w) {
      const { turnEnd } = w.format;
      return turnEnd.trim() === ''
        ? undefined
        : { text: `${w.call()}${turnEnd}\nuser: Thanks!`, expected: { calls: WEATHER } };
    },
  },
  {
    name: 'a marker of reasoning stands alone behind the answer',
    write: (w) =>
      w.reasoning && w.reasoning.start !== ''
        ? {
            text: `${w.content('The answer is 42.')}\n${w.reasoning.start}`,
            expected: { content: 'The answer is 42.' },
          }
        : undefined,
  },
  {
    name: 'reasoning of an earlier turn is not that of the answer',
    write(w) {
      if (!w.reasoning) return undefined;
      const { start, end } = w.reasoning;
      return {
        prompt: `${w.prompt}${start}old${end}Old.${w.format.turnEnd}\n${w.prompt}`,
        text: w.content('New.'),
        expected: { content: 'New.' },
      };
    },
  },
  {
    name: 'an empty block of reasoning in the prompt leaves content',
    write(w) {
      if (!w.reasoning) return undefined;
      return {
        prompt: `${w.prompt}${w.reasoning.start}\n\n${w.reasoning.end}\n\n`,
        text: w.content('Yes.').trimStart(),
        expected: { content: 'Yes.' },
      };
    },
  },
  {
    name: 'white space of the template is not written',
    write: (w) => ({ text: squeezed(w.call()), expected: { calls: WEATHER } }),
  },
  {
    name: 'white space is written where the template has none',
    write: (w) => ({ text: `\n\n ${w.call().trimStart()}\n\n`, expected: { calls: WEATHER } }),
  },
  {
    name: 'a value holds its own closing tag',
    write(w) {
      const { body } = w.calls;
      if (body.kind !== 'tagged' || body.valueQuotes || body.valueEnd.includes(ARGUMENT_NAME)) return undefined;
      const city = `say ${body.valueEnd.trim()} twice`;
      return { text: w.call({ city }), expected: { calls: [{ city }] } };
    },
  },
  {
    name: 'a value of several types is what it can be first',
    write: (w) => ({ text: w.call({ near: 4.5 }), expected: { calls: [{ near: 4.5 }] } }),
  },
  {
    name: 'a text that reads as a number stays a text, by the schema',
    write: (w) => ({ text: w.call({ city: '007' }), expected: { calls: [{ city: '007' }] } }),
  },
  {
    name: 'the type is written into the object of a call',
    write: (w) =>
      hasNameField(w.calls)
        ? { text: w.call().replace('{', '{"type": "function", '), expected: { calls: WEATHER } }
        : undefined,
  },
  {
    name: 'the whole of the shape of an API is written as a call',
    write(w) {
      const { body } = w.calls;
      if (body.kind !== 'json' || body.fields.map(({ holds }) => holds).join() !== 'name,arguments') return undefined;
      const text = w.call();
      const [from, to] = [text.indexOf('{'), text.lastIndexOf('}') + 1];
      return {
        text: `${text.slice(0, from)}{"type": "function", "function": ${text.slice(from, to)}}${text.slice(to)}`,
        expected: { calls: WEATHER },
      };
    },
  },
  {
    name: 'arguments are written as a text',
    write(w) {
      const json = JSON.stringify(VALUES).replaceAll(',"', ', "').replaceAll('":', '": ');
      return hasNameField(w.calls)
        ? { text: w.call().replace(json, JSON.stringify(json)), expected: { calls: WEATHER } }
        : undefined;
    },
  },
  {
    name: 'a new line stands in a text of JSON as it is',
    write(w) {
      if (w.calls.body.kind !== 'json' && w.calls.body.kind !== 'named-json') return undefined;
      return {
        text: w.call({ city: 'Rome\nItaly' }).replace('\\n', '\n'),
        expected: { calls: [{ city: 'Rome\nItaly' }] },
      };
    },
  },
  {
    name: 'a new line stands between two tags that the template writes together',
    write(w) {
      const { body } = w.calls;
      if (body.kind !== 'tagged' || !/>\S*</.test(body.valueStart.before)) return undefined;
      return {
        text: w.call().replaceAll(body.valueStart.before, body.valueStart.before.replace('><', '>\n<')),
        expected: { calls: WEATHER },
      };
    },
  },
  {
    name: 'nothing is written where a call has no arguments',
    write(w) {
      const { callEnd, body } = w.calls;
      if (body.kind !== 'named-json' || callEnd.trim() === '') return undefined;
      return { text: w.call({}).replace('{}', ''), expected: { calls: [{}] } };
    },
  },
  {
    name: 'names of arguments stand in quotes where the template has none',
    write(w) {
      const { body } = w.calls;
      if (body.kind !== 'literal' || body.keyEnd.trim() !== ':') return undefined;
      return { text: w.call().replace('city:', '"city":'), expected: { calls: WEATHER } };
    },
  },
  {
    name: 'an id has another style',
    write(w) {
      const { body } = w.calls;
      if (body.kind !== 'named-json' || body.id?.place !== 'around') return undefined;
      return {
        text: w.call().replace('functions.get_weather:0', 'functions_get_weather_2'),
        expected: { calls: WEATHER },
      };
    },
  },
  {
    name: 'a call of JSON stands between the tags of another way',
    write(w) {
      const tag = /^\s*(<[^<>\s]*>)/.exec(w.calls.callStart)?.[1];
      const end = w.calls.callEnd.trim().split(/\s+/).at(-1) ?? '';
      if (tag === undefined || w.calls.body.kind !== 'tagged' || !end.startsWith('</')) return undefined;
      return {
        text: `${tag}\n{"name": "get_weather", "arguments": ${JSON.stringify(VALUES)}}\n${end}`,
        expected: { calls: WEATHER },
      };
    },
  },
  {
    name: 'a call of a tool that was not offered is content, and said to be missed',
    write(w) {
      const { body } = w.calls;
      // Without a marker before the name nothing says that it is a call.
      const isMarked =
        /<[^<>\s]*>|\[[A-Z_]+\]/.test(`${w.calls.sectionStart}${w.calls.callStart}`) || body.kind === 'tagged';
      if (!isMarked || w.format.contentStart !== '') return undefined;
      const text = w.call().trim().replaceAll('get_weather', 'get_rain');
      return { text, expected: { content: text, isMissed: true } };
    },
  },
  {
    name: 'a call that is cut gives what there is, and says so',
    write(w) {
      const text = w.call();
      const at = text.indexOf('Rome') + 2;
      return { text: text.slice(0, at), expected: { calls: [undefined], isCut: true } };
    },
  },
];
