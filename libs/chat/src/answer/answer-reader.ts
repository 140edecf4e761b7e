import type { ChatMessage, ToolDefinition } from '../messages.js';
import type { AnswerFormat, CallFormat, ReasoningStart } from '@starling/grammar';
import { answerBegun, markersBegun } from './begun-answer.js';
import { CallSink, type AnswerDelta } from './call-sink.js';
import { Feed, type Reading } from './feed.js';
import { JsonFence } from './json-fence.js';
import { acceptMarker, isBlank, isMarkerNext } from './marker.js';
import { readCalls } from './read-calls.js';
import { beginningAt, isBare, triggersOf, type Mode, type Trigger } from './triggers.js';

export interface AnswerReaderOptions {
  /** Tools that were offered: only their names make text a call. */
  readonly tools?: readonly ToolDefinition[];
  /** The rendered prompt, or its end: what the template began for the model (an open reasoning block) belongs to the answer. */
  readonly prompt?: string;
  /** The prompt ends within the answer, as where the last message is gone on with: what stands there of it is not shown again. Default false. */
  readonly isBegun?: boolean;
  /** What comes is held to calls, also where it goes on with content: calls without a marker are read there too. Default false. */
  readonly mustCall?: boolean;
  /** Content is asked to be JSON: the fence of Markdown that models put around it is taken off. Default false. */
  readonly isJson?: boolean;
}

/** An answer as the message that it was. */
export interface AnswerMessage extends ChatMessage {
  readonly role: 'assistant';
  readonly content: string | null;
}

/**
 * Reads an answer as it comes. What it hands on never contains a marker, and never waits longer than a marker could: joined, the deltas are the
 * message, however the text was cut. Text that only looks like a call stays text; nothing here throws for what a model writes.
 */
export class AnswerReader {
  readonly #format: AnswerFormat;
  readonly #feed = new Feed();
  readonly #sink: CallSink;
  readonly #triggers: Readonly<Record<Mode, readonly Trigger[]>>;
  readonly #endsInSpace: boolean;
  readonly #fence: JsonFence | undefined;
  readonly #reading: Reading<void>;
  #deltas: AnswerDelta[] = [];
  #content = '';
  /** Calls that were there when content was last written. */
  #callsBefore = 0;
  #reasoning = '';
  /** Whether anything was written of each, what is not shown again too. */
  readonly #hasText: Record<Mode, boolean> = { content: false, reasoning: false };
  #isCut = false;
  #mode: Mode = 'content';
  #hasReasoned = false;
  #hasCalledBefore = false;
  #hasMissedCall = false;
  /** Content has ended by its own mark, and nothing has come since. */
  #isBehindContent = false;

  constructor(
    format: AnswerFormat,
    { tools = [], prompt, isBegun = false, mustCall = false, isJson = false }: AnswerReaderOptions = {},
  ) {
    this.#format = format;
    this.#endsInSpace = format.turnEnd !== '' && isBlank(format.turnEnd);
    this.#fence = isJson ? new JsonFence() : undefined;
    this.#sink = new CallSink(tools, (delta) => this.#show(delta));
    this.#triggers = {
      content: triggersOf(format, 'content', tools.length > 0),
      reasoning: triggersOf(format, 'reasoning', tools.length > 0),
    };
    if (isBegun) this.#goOn(prompt ?? '', tools);
    this.#isBehindContent = mustCall;
    this.#reading = this.#read();
    if (!isBegun) this.push(prompt === undefined ? format.begun : markersBegun(format, prompt));
  }

  /** Begins where the answer stands that a prompt ends with. */
  #goOn(prompt: string, tools: readonly ToolDefinition[]): void {
    const begun = answerBegun(this.#format, prompt);
    if (begun === undefined) {
      this.#hasText.content = true;
      return;
    }
    const before = new AnswerReader(this.#format, { prompt: this.#format.header, tools });
    before.push(begun);
    before.end();
    this.#mode = before.#mode;
    this.#hasReasoned = before.#hasReasoned;
    this.#hasCalledBefore = before.isCut || before.hasMissedCall || before.#sink.calls.length > 0;
    Object.assign(this.#hasText, before.#hasText);
    this.#hasText.content ||= this.#hasCalledBefore;
  }

  /** Reads more text. Gives what is now known, in order; the array belongs to the caller. */
  push(text: string): AnswerDelta[] {
    this.#feed.push(text);
    return this.#go();
  }

  /** Says that there is no more text; gives the rest. */
  end(): AnswerDelta[] {
    this.#feed.isFinal = true;
    return this.#go(true);
  }

  /** A call began and was not written to its end, as when the answer was cut. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** A call seemed to begin, and what followed was none of a tool that was offered: it is in the content. */
  get hasMissedCall(): boolean {
    return this.#hasMissedCall;
  }

  /** What an answer goes on with holds a call, or the beginning of one. */
  get hasCalledBefore(): boolean {
    return this.#hasCalledBefore;
  }

  /** Whether reasoning may follow what has been read. */
  get reasoningStart(): ReasoningStart {
    if (this.#mode === 'reasoning') return 'open';
    return this.#format.reasoning && !this.#hasReasoned && this.#isEmpty('content') ? 'allowed' : 'closed';
  }

  /** What has been read so far, as a message; after `end`, all of it. */
  get message(): AnswerMessage {
    const calls = this.#sink.calls.map(({ name, id, arguments: text }) => ({
      ...(id !== undefined && { id }),
      type: 'function' as const,
      function: { name, arguments: text },
    }));
    return {
      role: 'assistant',
      content: this.#content === '' && calls.length > 0 ? null : this.#content,
      ...(this.#reasoning !== '' && { reasoning_content: this.#reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
  }

  #go(isLast = false): AnswerDelta[] {
    this.#reading.next();
    if (isLast) this.#add('content', this.#fence?.end() ?? '');
    const deltas = this.#deltas;
    this.#deltas = [];
    return deltas;
  }

  *#read(): Reading<void> {
    const feed = this.#feed;
    // White space beside structure is the template's.
    let isBesideStructure = this.#isEmpty(this.#mode);
    for (;;) {
      feed.compact();
      const triggers: readonly Trigger[] = yield* this.#text(this.#mode, isBesideStructure);
      if (triggers.length === 0) return;
      const spaceStart = feed.at;
      yield* feed.skipSpace();
      const start = feed.at;
      let next: Mode | 'end' | undefined;
      for (const trigger of triggers) {
        next = yield* this.#structure(trigger, this.#mode);
        if (next !== undefined) break;
      }
      if (next === 'end') return;
      if (next !== undefined) {
        this.#mode = next;
        isBesideStructure = true;
        continue;
      }
      // It was text after all.
      const mode = this.#mode;
      this.#emit(mode, feed.text.slice(this.#isEmpty(mode) && isBesideStructure ? start : spaceStart, start + 1));
      feed.at = start + 1;
      isBesideStructure = false;
    }
  }

  /**
   * Hands on text up to the white space before triggers, which are given (several may begin alike), or to the end. What may be the beginning of
   * a trigger, and white space that may be the template's, waits.
   */
  *#text(mode: Mode, skipsSpace: boolean): Reading<readonly Trigger[]> {
    const feed = this.#feed;
    const triggers = this.#triggers[mode];
    const longest = Math.max(1, ...triggers.map(({ literal }) => literal.length));
    let skipping = skipsSpace;
    let from = feed.at;
    // White space that waits from the place of the feed up to here: it is not looked at again at every piece.
    let spaceEnd = feed.at;
    for (;;) {
      const { text } = feed;
      let found = Infinity;
      let which: readonly Trigger[] = [];
      for (const trigger of triggers) {
        const index = isBare(trigger) ? this.#bareAt(trigger, text, spaceEnd) : text.indexOf(trigger.literal, from);
        if (index < 0 || index > found) continue;
        which = index < found ? [trigger] : [...which, trigger];
        found = index;
      }
      const begun = feed.isFinal ? text.length : beginningAt(text, Math.max(from, text.length - longest + 1), triggers);
      // A longer trigger may have begun before the one that was found, or at its place.
      if (begun <= found) which = [];
      const isFound = which.length > 0;
      let safe = isFound ? found : Math.min(begun, found);
      const end = safe;
      // White space at the end of a whole answer is its own, unless the template ends turns with it; elsewhere it waits for what comes behind it.
      if (isFound || !feed.isFinal || mode === 'reasoning' || this.#endsInSpace) {
        while (safe > spaceEnd && /\s/.test(text[safe - 1])) safe--;
        if (safe <= spaceEnd) safe = feed.at;
      }
      let start = feed.at;
      if (skipping) while (start < safe && /\s/.test(text[start])) start++;
      if (safe > start) {
        this.#emit(mode, text.slice(start, safe));
        skipping = false;
      }
      feed.at = safe;
      spaceEnd = end;
      if (isFound || feed.isFinal) return which;
      from = Math.max(safe, end);
      // Every piece would copy all the text before it.
      const forgotten = feed.compact();
      from -= forgotten;
      spaceEnd -= forgotten;
      yield;
    }
  }

  /** What a trigger turns out to be: the mode after it, or undefined if it is text. */
  *#structure({ what, marker }: Trigger, mode: Mode): Reading<Mode | 'end' | undefined> {
    const feed = this.#feed;
    if (what === 'calls') return yield* this.#calls();
    if (!(yield* isMarkerNext(feed, marker))) return undefined;
    if (what === 'reasoning-start') {
      const start = feed.at;
      yield* acceptMarker(feed, marker);
      // A control token is never text.
      if (this.#isEmpty('content') || marker.startsWith('<|')) return 'reasoning';
      // Behind content it is a stray marker at the end, or text.
      yield* feed.skipSpace();
      if ((yield* feed.peek()) === '') return 'content';
      feed.at = start;
      return undefined;
    }
    if (what === 'reasoning-end') {
      if (mode === 'content' && !this.#isEmpty('content')) return undefined;
      yield* acceptMarker(feed, marker);
      this.#hasReasoned = true;
      return 'content';
    }
    if (what === 'content-start' && !this.#isEmpty('content')) return undefined;
    if (what === 'stray-end' && this.#sink.calls.length === 0) return undefined;
    yield* acceptMarker(feed, marker);
    if (what === 'content-end') this.#isBehindContent = true;
    return what === 'turn-end' ? 'end' : 'content';
  }

  *#calls(): Reading<Mode | undefined> {
    const { calls } = this.#format;
    if (calls === undefined) return undefined;
    const read = yield* readCalls(this.#feed, calls, this.#sink);
    if (read === 'none') {
      this.#hasMissedCall ||= yield* this.#hasOpener(calls);
      return undefined;
    }
    // What stands behind the place where a call broke is text again.
    if (read === 'cut') this.#isCut = true;
    return 'content';
  }

  /** Whether the whole of what begins a call comes next. */
  *#hasOpener({ sectionStart, callStart }: CallFormat): Reading<boolean> {
    return (yield* isMarkerNext(this.#feed, sectionStart)) || (yield* isMarkerNext(this.#feed, callStart));
  }

  /** Where a call without a marker begins: only at the beginning of an answer, and behind the end of its content. */
  #bareAt({ literal }: Trigger, text: string, from: number): number {
    if ((!this.#isEmpty('content') && !this.#isBehindContent) || this.#sink.calls.length > 0) return -1;
    const at = text.slice(from).search(/\S/) + from;
    return text.startsWith(literal, at) ? at : -1;
  }

  #isEmpty(mode: Mode): boolean {
    return !this.#hasText[mode];
  }

  #emit(mode: Mode, text: string): void {
    if (text === '') return;
    this.#hasText[mode] = true;
    this.#isBehindContent = false;
    if (mode === 'reasoning') this.#show({ kind: mode, text });
    else this.#add(mode, this.#fence?.push(text) ?? text);
  }

  #add(mode: Mode, text: string): void {
    if (text === '') return;
    if (mode === 'reasoning') {
      this.#reasoning += text;
      this.#deltas.push({ kind: mode, text });
      return;
    }
    // The message has one content: what is said behind a call is another paragraph of it.
    const isBehindCall = this.#content !== '' && this.#sink.calls.length > this.#callsBefore;
    this.#callsBefore = this.#sink.calls.length;
    const piece = isBehindCall ? `\n\n${text}` : text;
    this.#content += piece;
    this.#deltas.push({ kind: mode, text: piece });
  }

  /** What the fence holds back goes before what comes behind it. */
  #show(delta: AnswerDelta): void {
    this.#add('content', this.#fence?.end() ?? '');
    if (delta.kind === 'reasoning') this.#add('reasoning', delta.text);
    else this.#deltas.push(delta);
  }
}
