import readline from 'node:readline';
import { messageOf } from '@starling/core';
import { figures, type ChatSession } from './chat-session.js';
import type { CliIo } from './io.js';

const HELP = `/help           this list
/clear          forget the conversation
/system [TEXT]  set the system message (or take it away) and begin anew
/stats          figures of the last answer
/exit           leave (so does Ctrl-D)
Ctrl-C          stops the answer
`;

/** Talks until the input ends or the user leaves. Answers go to stdout; all else goes to stderr. */
export async function chatInteractively(session: ChatSession, io: CliIo, modelName: string): Promise<void> {
  const isTerminal = io.stdin.isTTY === true;
  const say = (text: string) => void io.stderr.write(text);
  const lines = readline.createInterface({ input: io.stdin, output: isTerminal ? io.stderr : undefined, terminal: isTerminal, prompt: '> ' });
  let interrupts = 0;
  lines.on('SIGINT', () => {
    if (session.stop()) return;
    if (++interrupts > 1) lines.close();
    else say('\nCtrl-C again, or /exit, to leave\n> ');
  });
  if (isTerminal) say(`${modelName}. /help tells what else can be done.\n`);
  // Lines that came before the input ended are still answered; newer versions of Node refuse to prompt for more then.
  let isOpen = true;
  lines.on('close', () => (isOpen = false));
  const prompt = () => void (isTerminal && isOpen && lines.prompt());
  prompt();
  for await (const line of lines) {
    interrupts = 0;
    const text = line.trim();
    if (text === '/exit' || text === '/quit' || text === '/bye') break;
    if (text.startsWith('/')) runCommand(session, text, say);
    else if (text !== '') await answer(session, text, say, isTerminal);
    prompt();
  }
  lines.close();
}

async function answer(session: ChatSession, text: string, say: (text: string) => void, isTerminal: boolean): Promise<void> {
  try {
    const done = await session.answer(text);
    if (isTerminal) say(`${figures(done)}\n\n`);
  } catch (error) {
    if (!isTerminal) throw error;
    // The conversation goes on: what failed may be the length of this one message.
    say(`starling: ${messageOf(error)}\n`);
  }
}

function runCommand(session: ChatSession, text: string, say: (text: string) => void): void {
  const [command, ...words] = text.split(/\s+/);
  switch (command) {
    case '/help':
      say(HELP);
      break;
    case '/clear':
      session.clear();
      break;
    case '/system':
      session.setSystem(words.length > 0 ? words.join(' ') : undefined);
      break;
    case '/stats':
      say(session.last ? `${figures(session.last)}\n` : 'nothing was answered yet\n');
      break;
    default:
      say(`unknown command ${command}; /help lists them\n`);
  }
}
