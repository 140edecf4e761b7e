import { StarlingError } from '@starling/core';
import type { GenerateOptions } from '@starling/engine';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { samplingOf, SAMPLING_NAMES } from '../dialects/sampling.js';
import { count } from '../schemas/fields.js';
import { samplingFields } from '../schemas/sampling.js';
import { conversationFile, FILE_LIMITS, parseConversationFile } from '../web/conversation-file.js';
import { newId, pathTo, titleOf, type Turn } from '../web/conversation.js';
import { figures, type ChatSession, type ChatTurn } from './chat-session.js';

/** What can be set by name: how tokens are chosen, where an answer stops, how long it may be. */
const SETTINGS: Readonly<Record<string, v.GenericSchema>> = {
  max_tokens: count(1),
  stop: samplingFields.stop,
  ...Object.fromEntries(
    Object.keys(SAMPLING_NAMES).map((name) => [name, samplingFields[name as keyof typeof SAMPLING_NAMES]]),
  ),
};

export interface CommandContext {
  readonly session: ChatSession;
  readonly modelName: string;
  say(text: string): void;
  /** Answers, whatever it is that `answer` asks. */
  answering(answer: () => Promise<unknown>): Promise<void>;
}

interface Command {
  readonly usage: string;
  readonly help: string;
  run(context: CommandContext, rest: string): void | Promise<void>;
}

/** The commands of the chat, by name. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  '/help': { usage: '/help', help: 'this list', run: ({ say }) => say(helpText()) },
  '/system': {
    usage: '/system [TEXT]',
    help: 'set the system message (or take it away) and begin anew',
    run: ({ session }, rest) => session.setSystem(rest === '' ? undefined : rest),
  },
  '/set': {
    usage: '/set [NAME [VALUE]]',
    help: 'set a parameter, take it back, or list them: temperature, top_p, seed, stop ...',
    run: ({ session, say }, rest) => say(set(session, rest)),
  },
  '/regen': {
    usage: '/regen',
    help: 'answer the last message again',
    run: ({ session, answering }) => answering(() => session.answerAgain()),
  },
  '/clear': { usage: '/clear', help: 'forget the conversation', run: ({ session }) => session.clear() },
  '/save': {
    usage: '/save FILE',
    help: 'write the conversation to a file that the chat page imports too',
    run: (context, rest) => save(context, rest),
  },
  '/load': {
    usage: '/load FILE',
    help: 'go on from a conversation that was saved here or exported by the page',
    run: (context, rest) => load(context, rest),
  },
  '/stats': {
    usage: '/stats',
    help: 'figures of the last answer',
    run: ({ session, say }) => say(session.last ? `${figures(session.last)}\n` : 'nothing was answered yet\n'),
  },
};

/** Names that leave the chat. */
export const LEAVE = new Set(['/exit', '/quit', '/bye']);

function helpText(): string {
  const rows = [
    ...Object.values(COMMANDS).map(({ usage, help }) => [usage, help]),
    ['/exit', 'leave (so does Ctrl-D)'],
    ['"""', 'begins and ends a message of several lines; so does \\ at the end of a line'],
    ['Ctrl-C', 'stops the answer'],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, help]) => `${name.padEnd(width)}${help}\n`).join('');
}

/** @throws StarlingError invalid_request for an unknown name, or a value that it cannot have */
function set(session: ChatSession, rest: string): string {
  const [name = '', ...words] = rest.split(/\s+/).filter((word) => word !== '');
  if (name === '') {
    const given = Object.entries(SETTINGS).flatMap(([ours]) => {
      const value = session.settings[engineName(ours)];
      return value === undefined ? [] : [`${ours} = ${JSON.stringify(value)}\n`];
    });
    return given.length === 0 ? `nothing is set; there are ${Object.keys(SETTINGS).join(', ')}\n` : given.join('');
  }
  const schema = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
  if (schema === undefined)
    throw new StarlingError(
      'invalid_request',
      `there is no parameter ${JSON.stringify(name)}; there are ${Object.keys(SETTINGS).join(', ')}`,
    );
  if (words.length === 0) {
    session.set({ [engineName(name)]: undefined });
    return '';
  }
  const text = words.join(' ');
  const parsed = v.safeParse(schema, valueOf(text));
  if (!parsed.success)
    throw new StarlingError('invalid_request', `${name} cannot be ${text}: ${parsed.issues[0].message}`);
  const given = { [name]: parsed.output };
  session.set(
    name === 'max_tokens' || name === 'stop'
      ? { [engineName(name)]: name === 'stop' ? [parsed.output].flat() : parsed.output }
      : samplingOf(given),
  );
  return '';
}

const engineName = (name: string): keyof GenerateOptions =>
  name === 'max_tokens' ? 'maxTokens' : name === 'stop' ? 'stop' : SAMPLING_NAMES[name as keyof typeof SAMPLING_NAMES];

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @throws StarlingError invalid_request without a name */
function fileOf(rest: string): string {
  if (rest === '') throw new StarlingError('invalid_request', 'the name of a file is missing');
  return path.resolve(rest.replace(/^~(?=$|[\\/])/, os.homedir()));
}

async function save({ session, modelName, say }: CommandContext, rest: string): Promise<void> {
  const file = fileOf(rest);
  const now = Date.now();
  const conversation = newId();
  const turns: Turn[] = [];
  for (const [i, { role, content, reasoning_content: reasoning }] of session.turns.entries()) {
    const parent = turns.at(-1)?.id;
    turns.push({
      id: newId(),
      conversation,
      ...(parent !== undefined && { parent }),
      role,
      text: content,
      at: now + i,
      ...(reasoning !== undefined && { reasoning }),
      ...(role === 'assistant' && { answer: { model: modelName, end: 'stop' } }),
    });
  }
  const settings = session.system === undefined ? {} : { system: session.system };
  const text = conversationFile([
    {
      conversation: {
        id: conversation,
        title: titleOf(turns[0]?.text ?? ''),
        createdAt: now,
        updatedAt: now,
        leaf: turns.at(-1)?.id,
        settings,
      },
      turns,
    },
  ]);
  await fs.writeFile(file, text);
  say(`saved ${session.turns.length} messages to ${file}\n`);
}

/** @throws StarlingError invalid_request for a file that is none of ours */
async function load({ session, say }: CommandContext, rest: string): Promise<void> {
  const file = fileOf(rest);
  const { size } = await fs.stat(file);
  if (size > FILE_LIMITS.bytes)
    throw new StarlingError('invalid_request', `${file}: ${size} bytes are more than a file of conversations has`);
  const imported = parseConversationFile(await fs.readFile(file, 'utf8'));
  if (imported.kind === 'wrong')
    throw new StarlingError('invalid_request', `${file} is no file of conversations: ${imported.why}`);
  const whole = imported.all.at(0);
  if (whole === undefined) throw new StarlingError('invalid_request', `${file} holds no conversation`);
  const { conversation, turns } = whole;
  const path = pathTo(new Map(turns.map((turn) => [turn.id, turn])), conversation.leaf);
  if (path.some(({ role, calls = [] }) => role === 'tool' || calls.length > 0))
    throw new StarlingError('invalid_request', `${file}: this conversation calls tools, which there are none of here`);
  session.restore(
    path.map(
      ({ role, text, reasoning }): ChatTurn => ({
        role: role === 'user' ? 'user' : 'assistant',
        content: text,
        ...(reasoning !== undefined && { reasoning_content: reasoning }),
      }),
    ),
    conversation.settings.system,
  );
  const others = imported.all.length - 1;
  say(
    `${path.length} messages of "${conversation.title.slice(0, 80)}"${others > 0 ? ` (the first of ${imported.all.length} conversations)` : ''}\n`,
  );
}
