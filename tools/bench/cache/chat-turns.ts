import { askChat, type Message, type Turn } from '../serving/chat-client.js';
import type { ServerProcess } from '../serving/server-process.js';

/** The vocabulary of the random model has a token for each character. */
const CHARACTERS = 'abcdefghijklmnopqrstuvwxyz.,';

/** Tokens that the turns' answers have. */
const ANSWER_TOKENS = 32;

/** A text of so many characters, another for each seed. */
function textOf(characters: number, seed: number): string {
  let state = seed * 2654435761 + 1;
  return Array.from({ length: characters }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return CHARACTERS[Math.floor((state / 2 ** 32) * CHARACTERS.length)];
  }).join('');
}

/** A conversation that goes on turn by turn. */
export class Conversation {
  readonly #messages: Message[] = [];
  #turns = 0;
  readonly #seed: number;

  /** @param characters of its first question: about as many tokens */
  constructor(seed: number, characters: number) {
    this.#seed = seed;
    this.#messages.push({ role: 'user', content: textOf(characters, seed) });
  }

  /** The next answer; then a short question follows it. */
  async next(server: ServerProcess): Promise<Turn> {
    const turn = await askChat(server.url, this.#messages, ANSWER_TOKENS);
    this.#messages.push(
      { role: 'assistant', content: turn.text },
      { role: 'user', content: textOf(40, this.#seed + 1000 * ++this.#turns) },
    );
    return turn;
  }
}
