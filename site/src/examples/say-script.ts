import type { AnswerMessage } from '@starling/chat';
import { answerChat } from '@starling/engine';
import { scriptedModel, type Script } from '@starling/engine/testing';
import { isStarlingError, StarlingError } from '@starling/core';

/** What comes of the last of so many questions. */
export interface Said {
  readonly message?: AnswerMessage;
  /** What the script refuses with. */
  readonly refusal?: StarlingError;
  /** Pieces that its stream came in. */
  readonly parts: number;
}

const WEATHER = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
} as const;

/**
 * Asks a model that says what a script of JSON has, so many questions.
 * @throws StarlingError invalid_argument for what is no script
 */
export async function saySoFar(json: string, questions: number): Promise<Said> {
  const model = scriptedModel({ script: readScript(json) });
  try {
    let said: Said = { parts: 0 };
    for (let i = 0; i < questions; i++) said = await answerOf(model);
    return said;
  } finally {
    await model.close({ drain: false });
  }
}

async function answerOf(model: ReturnType<typeof scriptedModel>): Promise<Said> {
  let parts = 0;
  try {
    const messages = [{ role: 'user', content: 'And now?' }];
    let message: AnswerMessage | undefined;
    for await (const part of (await answerChat(model, { messages, tools: [WEATHER] })).parts()) {
      parts++;
      if (part.kind === 'sample') ({ message } = part);
    }
    return { message, parts };
  } catch (error) {
    if (isStarlingError(error)) return { refusal: error, parts };
    throw error;
  }
}

function readScript(json: string): Script {
  let script: unknown;
  try {
    script = JSON.parse(json);
  } catch (cause) {
    throw new StarlingError('invalid_argument', `the script is no JSON: ${String(cause)}`, { cause });
  }
  if (!Array.isArray(script) || script.some((one) => typeof one !== 'string' && (typeof one !== 'object' || !one)))
    throw new StarlingError('invalid_argument', 'a script here is a list of texts and objects, one for each question');
  return script as Script;
}
