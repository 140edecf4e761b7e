import type { AnswerParser } from '@starling/chat';
import type { DonePart, GenerateOptions, GenerateRequest, Generation, TokenPart } from '@starling/engine';
import { StarlingError } from '@starling/core';
import { write, type CliIo } from './io.js';
import { TerminalMarkdown, steerless } from './terminal-markdown.js';

/** What a conversation needs of a model. */
export interface ChatModel {
  generate(request: GenerateRequest): Generation | Promise<Generation>;
  /** How its answers are read: reasoning apart from text. */
  readonly answerParser?: AnswerParser;
}

export interface ChatTurn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly reasoning_content?: string;
}

/** How answers are written: as they stand, or for a terminal that shows colours. */
export type AnswerStyle = 'plain' | 'terminal' | 'colours';

const DIM = ['\u001b[2m', '\u001b[0m'] as const;

/** A conversation at the terminal: keeps its messages, writes answers to stdout as they come. */
export class ChatSession {
  readonly #model: ChatModel;
  readonly #io: CliIo;
  readonly #style: AnswerStyle;
  #settings: GenerateOptions;
  #system: string | undefined;
  #turns: readonly ChatTurn[] = [];
  #running: AbortController | undefined;
  #last: DonePart | undefined;

  /** @param settings limits and sampling parameters of every answer */
  constructor(model: ChatModel, io: CliIo, settings: GenerateOptions, system?: string, style: AnswerStyle = 'plain') {
    this.#model = model;
    this.#io = io;
    this.#settings = settings;
    this.#system = system;
    this.#style = style;
  }

  /** The last answer, for its figures. */
  get last(): DonePart | undefined {
    return this.#last;
  }

  get turns(): readonly ChatTurn[] {
    return this.#turns;
  }

  get system(): string | undefined {
    return this.#system;
  }

  get settings(): Readonly<GenerateOptions> {
    return this.#settings;
  }

  /** Changes how answers are made from now on; undefined takes a setting back. */
  set(settings: GenerateOptions): void {
    this.#settings = Object.fromEntries(
      Object.entries({ ...this.#settings, ...settings }).filter(([, value]) => value !== undefined),
    );
  }

  /** Forgets what was said. */
  clear(): void {
    this.#turns = [];
  }

  /** Sets the system message, or takes it away, and begins anew. */
  setSystem(system: string | undefined): void {
    this.#system = system;
    this.clear();
  }

  /** Goes on from another conversation. */
  restore(turns: readonly ChatTurn[], system: string | undefined): void {
    this.#system = system;
    this.#turns = turns;
  }

  /** Stops the answer under way; false if there is none. */
  stop(): boolean {
    this.#running?.abort();
    return this.#running !== undefined;
  }

  /** Answers a message of the user. What was said stays in the conversation, also of an answer that was stopped. */
  answer(content: string): Promise<DonePart> {
    return this.#answer([...this.#turns, { role: 'user', content }]);
  }

  /** Answers the last message again, in place of its answer. @throws StarlingError invalid_request if there is none */
  answerAgain(): Promise<DonePart> {
    const last = this.#turns.findLastIndex(({ role }) => role === 'user');
    if (last < 0) throw new StarlingError('invalid_request', 'nothing was asked yet that could be answered again');
    return this.#answer(this.#turns.slice(0, last + 1));
  }

  /** Goes on with a text as it is, outside of any conversation. */
  continueText(prompt: string): Promise<DonePart> {
    return this.#write({ ...this.#settings, prompt }, undefined);
  }

  async #answer(asked: readonly ChatTurn[]): Promise<DonePart> {
    const system = this.#system === undefined ? [] : [{ role: 'system' as const, content: this.#system }];
    const parser = this.#model.answerParser?.readsReasoning === true ? this.#model.answerParser : undefined;
    const said = { content: '', reasoning: '' };
    const done = await this.#write(
      { ...this.#settings, messages: [...system, ...asked], ...(parser && { showSpecial: true }) },
      { parser, said },
    );
    const content = parser === undefined ? done.text : said.content;
    this.#turns = [
      ...asked,
      { role: 'assistant', content, ...(said.reasoning !== '' && { reasoning_content: said.reasoning }) },
    ];
    return done;
  }

  async #write(
    request: GenerateRequest,
    reading: { readonly parser?: AnswerParser; readonly said: { content: string; reasoning: string } } | undefined,
  ): Promise<DonePart> {
    const running = new AbortController();
    this.#running = running;
    const out = new AnswerWriter(this.#io, this.#style);
    try {
      const generation = await this.#model.generate({ ...request, signal: running.signal });
      const reader = reading?.parser?.reader({ tools: [], prompt: generation.promptText ?? '' });
      const show = async (deltas: readonly { readonly kind: string; readonly text?: string }[]): Promise<void> => {
        for (const { kind, text = '' } of deltas) {
          if (kind === 'reasoning') reading!.said.reasoning += text;
          else reading!.said.content += text;
          await (kind === 'reasoning' ? out.reasoning(text) : out.content(text));
        }
      };
      for await (const part of generation) {
        if (part.kind === 'token')
          await (reader ? show(reader.push((part as TokenPart).text)) : out.content(part.text));
        else if (part.kind === 'done') {
          if (reader) await show(reader.end());
          this.#last = part;
        }
      }
    } finally {
      this.#running = undefined;
      await out.end();
    }
    return this.#last!;
  }
}

/** Writes one answer to stdout. */
class AnswerWriter {
  readonly #io: CliIo;
  readonly #style: AnswerStyle;
  readonly #markdown: TerminalMarkdown | undefined;
  #endsLine = true;
  #isReasoning = false;

  constructor(io: CliIo, style: AnswerStyle) {
    this.#io = io;
    this.#style = style;
    this.#markdown = style === 'colours' ? new TerminalMarkdown() : undefined;
  }

  async content(text: string): Promise<void> {
    if (text === '') return;
    if (this.#isReasoning) {
      this.#isReasoning = false;
      await this.#write(`${this.#style === 'colours' ? DIM[1] : ''}\n\n`, '\n');
    }
    await this.#write(this.#markdown?.push(text) ?? (this.#style === 'terminal' ? steerless(text) : text), text);
  }

  /** Reasoning is for people who watch: a pipe gets the answer alone. */
  async reasoning(text: string): Promise<void> {
    if (this.#style === 'plain' || text === '') return;
    const begins = this.#isReasoning ? '' : this.#style === 'colours' ? DIM[0] : '';
    this.#isReasoning = true;
    await this.#write(begins + steerless(text), text);
  }

  async end(): Promise<void> {
    const rest = (this.#markdown?.end() ?? '') + (this.#isReasoning && this.#style === 'colours' ? DIM[1] : '');
    if (rest !== '') await write(this.#io.stdout, rest);
    if (!this.#endsLine) await write(this.#io.stdout, '\n');
  }

  async #write(shown: string, text: string): Promise<void> {
    this.#endsLine = text.endsWith('\n');
    if (shown !== '') await write(this.#io.stdout, shown);
  }
}

/** The figures of an answer in one line. */
export function figures({ usage, timings, finishReason }: DonePart): string {
  const rate = (value: number) => `${value >= 100 ? Math.round(value) : value.toFixed(1)} tokens/s`;
  const parts = [
    `prompt ${usage.promptTokens} tokens, ${rate(timings.promptTps)}`,
    `answer ${usage.completionTokens} tokens, ${rate(timings.decodeTps)}`,
    `first after ${Math.round(timings.firstTokenMs)} ms`,
  ];
  return `[${parts.join('; ')}${finishReason === 'stop' ? '' : `; ended by ${finishReason}`}]`;
}
