import type { GenerateRequest, LanguageModel } from '@starling/engine';
import { StarlingError } from '@starling/core';
import type { Command } from 'commander';
import { ChatSession, figures } from './chat-session.js';
import { chatInteractively } from './interactive-chat.js';
import type { CliIo } from './io.js';
import { loadModel } from './load-model.js';
import { integer, number, THREADS_OPTION } from './values.js';

interface RunOptions {
  readonly threads?: number;
  readonly ctxSize?: number;
  readonly maxTokens?: number;
  readonly system?: string;
  readonly raw?: boolean;
  readonly seed?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repeatPenalty?: number;
  readonly stats?: boolean;
}

/** `starling run`. */
export function registerRun(program: Command, io: CliIo): void {
  program
    .command('run')
    .description('generate to the terminal; without PROMPT, an interactive chat')
    .argument('<MODEL>', 'a GGUF file, a name in the cache folder, a URL, or hf:OWNER/REPO[:QUANT]')
    .argument('[PROMPT]', 'a message to answer; a text to continue with --raw, or if the model has no chat template')
    .option('-n, --max-tokens <N>', 'tokens of an answer, at most', integer(1))
    .option('--system <TEXT>', 'the system message')
    .option('--raw', 'continue PROMPT as it stands, without the chat template')
    .option('--seed <N>', 'the seed of the draw', integer(0, 2 ** 32 - 1))
    .option('--temperature <X>', '0 always takes the most likely token', number(0))
    .option('--top-k <N>', 'draw from the N most likely tokens', integer(0))
    .option('--top-p <P>', 'draw from the most likely tokens that reach P together', number(0))
    .option('--min-p <P>', 'draw from tokens at least P times as likely as the first', number(0))
    .option('--repeat-penalty <X>', 'penalty on recent tokens', number(0))
    .option('--stats', 'figures of the answer on stderr')
    .option(...THREADS_OPTION)
    .option('-c, --ctx-size <N>', "tokens of context (default: the model's own)", integer(1, 2 ** 24))
    .action(async (name: string, prompt: string | undefined, options: RunOptions) => {
      const model = await loadModel(name, { threads: options.threads, contextLength: options.ctxSize, maxSequences: 1 }, io);
      try {
        const session = new ChatSession(model, io, samplingOf(options), options.system);
        if (prompt === undefined) await chat(session, model, name, io);
        else await answerOnce(session, model, prompt, options, io);
      } finally {
        await model.close({ drain: false });
      }
    });
}

async function chat(session: ChatSession, model: LanguageModel, name: string, io: CliIo): Promise<void> {
  if (!model.info.hasChatTemplate) {
    throw new StarlingError('invalid_argument', `${name}: this model has no chat template, so it cannot chat; give it a PROMPT to continue`, { details: { isUsage: true } });
  }
  await chatInteractively(session, io, model.info.name);
}

async function answerOnce(session: ChatSession, model: LanguageModel, prompt: string, options: RunOptions, io: CliIo): Promise<void> {
  const isChat = model.info.hasChatTemplate && !options.raw;
  const stop = () => void session.stop();
  process.once('SIGINT', stop);
  try {
    const done = isChat ? await session.answer(prompt) : await session.continueText(prompt);
    if (options.stats) io.stderr.write(`${figures(done)}\n`);
    if (done.finishReason === 'cancelled') throw new StarlingError('cancelled', 'stopped');
  } finally {
    process.off('SIGINT', stop);
  }
}

function samplingOf({ maxTokens, seed, temperature, topK, topP, minP, repeatPenalty }: RunOptions): Partial<GenerateRequest> {
  return { maxTokens, seed, temperature, topK, topP, minP, repeatPenalty };
}
