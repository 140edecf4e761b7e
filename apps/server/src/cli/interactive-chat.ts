import { messageOf, printable } from '@starling/core';
import readline from 'node:readline';
import { COMMANDS, LEAVE, type CommandContext } from './chat-commands.js';
import { figures, type ChatSession } from './chat-session.js';
import type { CliIo } from './io.js';
import { readHistory, writeHistory } from './line-history.js';

const PROMPT = '> ';
const MORE = '... ';
const QUOTES = '"""';
/** Asks the terminal to say where what is pasted begins and ends. */
const MARK_PASTES = ['\u001b[?2004h', '\u001b[?2004l'] as const;

export interface InteractiveOptions {
  /** Where what was typed is kept, at a terminal. Absent: nowhere. */
  readonly historyFile?: string;
}

/** Talks until the input ends or the user leaves. Answers go to stdout; all else goes to stderr. */
export async function chatInteractively(
  session: ChatSession,
  io: CliIo,
  modelName: string,
  { historyFile }: InteractiveOptions = {},
): Promise<void> {
  const isTerminal = io.stdin.isTTY === true;
  const say = (text: string) => void io.stderr.write(text);
  const lines = readline.createInterface({
    input: io.stdin,
    output: isTerminal ? io.stderr : undefined,
    terminal: isTerminal,
    prompt: PROMPT,
    history: isTerminal && historyFile !== undefined ? readHistory(historyFile) : [],
    removeHistoryDuplicates: true,
    completer: completeCommand,
  });
  let history: readonly string[] | undefined;
  lines.on('history', (all: string[]) => (history = [...all]));
  const message = new PendingMessage();
  const isPasted = pasteMarks(lines, io);
  let interrupts = 0;
  lines.on('SIGINT', () => {
    if (session.stop()) return;
    if (message.clear() || lines.line !== '') {
      // A line that is begun is thrown away, as shells do.
      lines.write(null, { ctrl: true, name: 'e' });
      lines.write(null, { ctrl: true, name: 'u' });
      say('\n');
      lines.setPrompt(PROMPT);
      lines.prompt();
    } else if (++interrupts > 1) lines.close();
    else say(`\nCtrl-C again, or /exit, to leave\n${PROMPT}`);
  });
  if (isTerminal) say(`${MARK_PASTES[0]}${printable(modelName)}. /help tells what else can be done.\n`);
  // Lines that came before the input ended are still answered; newer versions of Node refuse to prompt for more then.
  let isOpen = true;
  lines.on('close', () => (isOpen = false));
  const prompt = () => {
    if (!isTerminal || !isOpen) return;
    lines.setPrompt(message.isBegun ? MORE : PROMPT);
    lines.prompt();
  };
  const context: CommandContext = {
    session,
    modelName,
    say,
    answering: (answer) => answering(session, answer, say, isTerminal),
  };
  prompt();
  for await (const line of lines) {
    interrupts = 0;
    const text = message.add(line, isPasted());
    if (text !== undefined && LEAVE.has(text)) break;
    if (text?.startsWith('/')) await runCommand(context, text);
    else if (text !== undefined && text !== '') await context.answering(() => session.answer(text));
    prompt();
  }
  const rest = message.rest();
  if (rest !== '') await context.answering(() => session.answer(rest));
  lines.close();
  if (!isTerminal) return;
  say(MARK_PASTES[1]);
  const problem = historyFile !== undefined && history !== undefined ? writeHistory(historyFile, history) : undefined;
  if (problem !== undefined) say(`starling: what was typed could not be kept: ${printable(problem)}\n`);
}

/** Tells of each line that is read, in order, whether it was pasted. */
function pasteMarks(lines: readline.Interface, { stdin }: CliIo): () => boolean {
  let isPasting = false;
  // Lines are read later than they come: keys are told at once.
  const marks: boolean[] = [];
  stdin.on('keypress', (_text: unknown, key: { readonly name?: string } | undefined) => {
    if (key?.name === 'paste-start') isPasting = true;
    else if (key?.name === 'paste-end') isPasting = false;
  });
  lines.on('line', () => void marks.push(isPasting));
  return () => marks.shift() ?? false;
}

/** A message as it is typed: one line, or several between quotes, before a backslash, or pasted at once. */
class PendingMessage {
  #lines: string[] = [];
  #isQuoted = false;

  get isBegun(): boolean {
    return this.#lines.length > 0 || this.#isQuoted;
  }

  /** Adds a line; gives the message once it is whole. A pasted line goes on with the next one, whatever it holds. */
  add(line: string, isPasted: boolean): string | undefined {
    if (this.#isQuoted) return this.#addQuoted(line);
    if (this.#lines.length === 0 && line.trimStart().startsWith(QUOTES)) {
      this.#isQuoted = true;
      return this.#addQuoted(line.trimStart().slice(QUOTES.length), true);
    }
    if (line.endsWith('\\')) {
      this.#lines.push(line.slice(0, -1));
      return undefined;
    }
    this.#lines.push(line);
    return isPasted ? undefined : this.rest();
  }

  /** Forgets what was begun; false if nothing was. */
  clear(): boolean {
    const wasBegun = this.isBegun;
    this.rest();
    return wasBegun;
  }

  /** What there is of it, at the end of the input. */
  rest(): string {
    const text = this.#lines.join('\n').trim();
    this.#lines = [];
    this.#isQuoted = false;
    return text;
  }

  #addQuoted(line: string, isFirst = false): string | undefined {
    const end = line.trimEnd().endsWith(QUOTES) ? line.trimEnd().slice(0, -QUOTES.length) : undefined;
    if (!(isFirst && (end ?? line) === '')) this.#lines.push(end ?? line);
    return end === undefined ? undefined : this.rest();
  }
}

async function answering(
  session: ChatSession,
  answer: () => Promise<unknown>,
  say: (text: string) => void,
  isTerminal: boolean,
): Promise<void> {
  try {
    await answer();
    if (isTerminal && session.last) say(`${figures(session.last)}\n\n`);
  } catch (error) {
    if (!isTerminal) throw error;
    // The conversation goes on: what failed may be the length of this one message.
    say(`starling: ${printable(messageOf(error))}\n`);
  }
}

/** A command that fails says why; the chat goes on. */
async function runCommand(context: CommandContext, text: string): Promise<void> {
  const [, name, rest] = /^(\S+)\s*([^]*)$/.exec(text)!;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return context.say(`unknown command ${printable(name)}; /help lists them\n`);
  try {
    await command.run(context, rest.trim());
  } catch (error) {
    context.say(`starling: ${printable(messageOf(error))}\n`);
  }
}

function completeCommand(line: string): [string[], string] {
  const names = [...Object.keys(COMMANDS), ...LEAVE].filter((name) => name.startsWith(line));
  return [line.startsWith('/') ? names : [], line];
}
