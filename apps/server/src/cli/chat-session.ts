import type { DonePart, GenerateRequest, Generation } from '@starling/engine';
import { write, type CliIo } from './io.js';

/** What a conversation needs of a model. */
export interface ChatModel {
  generate(request: GenerateRequest): Generation;
}

interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A conversation at the terminal: keeps its messages, writes answers to stdout as they come. */
export class ChatSession {
  readonly #model: ChatModel;
  readonly #io: CliIo;
  readonly #settings: Partial<GenerateRequest>;
  #system: string | undefined;
  #messages: Message[] = [];
  #running: AbortController | undefined;
  #last: DonePart | undefined;

  /** @param settings limits and sampling parameters of every answer */
  constructor(model: ChatModel, io: CliIo, settings: Partial<GenerateRequest>, system?: string) {
    this.#model = model;
    this.#io = io;
    this.#settings = settings;
    this.#system = system;
  }

  /** The last answer, for its figures. */
  get last(): DonePart | undefined {
    return this.#last;
  }

  /** Forgets what was said. */
  clear(): void {
    this.#messages = [];
  }

  /** Sets the system message, or takes it away, and begins anew. */
  setSystem(system: string | undefined): void {
    this.#system = system;
    this.clear();
  }

  /** Stops the answer under way; false if there is none. */
  stop(): boolean {
    this.#running?.abort();
    return this.#running !== undefined;
  }

  /** Answers a message of the user. What was said stays in the conversation, also of an answer that was stopped. */
  async answer(content: string): Promise<DonePart> {
    const system: Message[] = this.#system === undefined ? [] : [{ role: 'system', content: this.#system }];
    const asked: Message[] = [...this.#messages, { role: 'user', content }];
    const done = await this.#write({ ...this.#settings, messages: [...system, ...asked] });
    this.#messages = [...asked, { role: 'assistant', content: done.text }];
    return done;
  }

  /** Goes on with a text as it is, outside of any conversation. */
  continueText(prompt: string): Promise<DonePart> {
    return this.#write({ ...this.#settings, prompt });
  }

  async #write(request: GenerateRequest): Promise<DonePart> {
    const running = new AbortController();
    this.#running = running;
    let endsLine = true;
    try {
      for await (const part of this.#model.generate({ ...request, signal: running.signal })) {
        if (part.kind === 'token' && part.text !== '') {
          await write(this.#io.stdout, part.text);
          endsLine = part.text.endsWith('\n');
        } else if (part.kind === 'done') {
          this.#last = part;
        }
      }
    } finally {
      this.#running = undefined;
      if (!endsLine) await write(this.#io.stdout, '\n');
    }
    return this.#last!;
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
