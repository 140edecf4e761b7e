import type { GenerateOptions, LanguageModel } from '@starling/engine';
import { StarlingError } from '@starling/core';
import { defaultHome } from '@starling/models/node';
import type { Command } from 'commander';
import path from 'node:path';
import { ChatSession, figures, type AnswerStyle } from './chat-session.js';
import { chatInteractively } from './interactive-chat.js';
import type { CliIo } from './io.js';
import { loadModel } from './load-model.js';
import { integer, number, THREADS_OPTION } from './values.js';

interface RunOptions {
  readonly threads?: number;
  readonly ctxSize?: number;
  readonly draftModel?: string;
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
  readonly history?: boolean;
  readonly color?: boolean;
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
    .option('--no-history', 'keep nothing of what is typed for the next time')
    .option('--no-color', 'show answers as they were written (so does NO_COLOR)')
    .option(...THREADS_OPTION)
    .option(
      '--draft-model <MODEL>',
      'a smaller model with the same vocabulary: its likeliest tokens are computed beside those that are known where that is likely to be faster',
    )
    .option(
      '-c, --ctx-size <N>',
      "tokens of context (default: the model's own, at most 8192 and what memory holds)",
      integer(1, 2 ** 24),
    )
    .action(async (name: string, prompt: string | undefined, options: RunOptions) => {
      const model = await loadModel(
        name,
        { threads: options.threads, contextLength: options.ctxSize, maxSequences: 1, draftModel: options.draftModel },
        io,
      );
      try {
        const session = new ChatSession(model, io, samplingOf(options), options.system, styleOf(io, options));
        if (prompt === undefined) await chat(session, model, name, io, options);
        else await answerOnce(session, model, prompt, options, io);
      } finally {
        await model.close({ drain: false });
      }
    });
}

/** Colours are for terminals that have them; a pipe gets the text as it stands. */
function styleOf({ stdout, environment }: CliIo, { color = true }: RunOptions): AnswerStyle {
  if (stdout.isTTY !== true) return 'plain';
  return color && !environment.NO_COLOR && environment.TERM !== 'dumb' ? 'colours' : 'terminal';
}

async function chat(
  session: ChatSession,
  model: LanguageModel,
  name: string,
  io: CliIo,
  { history = true }: RunOptions,
): Promise<void> {
  if (!model.info.hasChatTemplate) {
    throw new StarlingError(
      'invalid_argument',
      `${name}: this model has no chat template, so it cannot chat; give it a PROMPT to continue`,
      { details: { isUsage: true } },
    );
  }
  await chatInteractively(
    session,
    io,
    model.info.name,
    history ? { historyFile: path.join(defaultHome({ ...io.environment }), 'history') } : {},
  );
}

async function answerOnce(
  session: ChatSession,
  model: LanguageModel,
  prompt: string,
  options: RunOptions,
  io: CliIo,
): Promise<void> {
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

function samplingOf({ maxTokens, seed, temperature, topK, topP, minP, repeatPenalty }: RunOptions): GenerateOptions {
  return { maxTokens, seed, temperature, topK, topP, minP, repeatPenalty };
}
