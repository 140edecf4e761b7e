import fs from 'node:fs';
import { StarlingError, isStarlingError } from '@starling/core';
import type { SharedPrefix } from '@starling/engine';
import * as v from 'valibot';
import { messageSchema, toolSchema } from './dialects/openai/chat-schema.js';
import { toolsOf } from './dialects/function-tools.js';
import { conversationOf } from './dialects/openai/conversation.js';
import type { OperatorDefaults } from './operator-defaults.js';
import { fields, jsonObject } from './schemas/fields.js';
import { validate } from './schemas/validate.js';
import { fileProblem } from './system-code.js';

/** What a JSON file says: the beginning of a body of `/v1/chat/completions`, or of a prompt. */
const prefixSchema = v.pipe(
  fields({
    prompt: v.optional(v.pipe(v.string(), v.minLength(1))),
    messages: v.optional(v.pipe(v.array(messageSchema), v.minLength(1))),
    tools: v.optional(v.array(toolSchema)),
    chat_template_kwargs: v.optional(jsonObject()),
  }),
  v.check(
    ({ prompt, messages, tools, chat_template_kwargs: variables }) =>
      (prompt === undefined) !== (messages === undefined) &&
      (prompt === undefined || (tools ?? variables) === undefined),
    '"messages" (with "tools" and "chat_template_kwargs" where requests have them) or "prompt" is required',
  ),
);

/**
 * What is in the files of `--shared-prefix`: a file of JSON (`*.json`) has messages or a prompt, any other the text of a system message.
 * @param templateVariables what conversations are rendered with where they do not say
 * @throws StarlingError invalid_argument that names the file and what is wrong with it
 */
export function readSharedPrefixes(
  files: readonly string[],
  templateVariables: OperatorDefaults['templateVariables'] = () => ({}),
): SharedPrefix[] {
  return files.map((file) => {
    const refuse = (why: string, cause: unknown): StarlingError =>
      new StarlingError('invalid_argument', `--shared-prefix ${file}: ${why}`, { details: { file }, cause });
    let text: string;
    try {
      text = fs.readFileSync(file, 'utf8');
    } catch (error) {
      throw refuse(fileProblem(error), error);
    }
    // A line break at the end is the editor's.
    const system = text.replace(/\r?\n$/, '');
    if (!file.endsWith('.json')) {
      if (system.trim() === '') throw refuse('the file is empty: expected the text of a system message', undefined);
      return { messages: [{ role: 'system', content: system }], templateVariables: templateVariables([]) };
    }
    try {
      const { prompt, messages, tools: given, chat_template_kwargs: own } = validate(prefixSchema, JSON.parse(text));
      if (prompt !== undefined) return { prompt };
      const tools = toolsOf(given);
      return {
        messages: conversationOf(messages!),
        tools,
        templateVariables: { ...templateVariables(tools ?? []), ...own },
      };
    } catch (error) {
      throw refuse(isStarlingError(error) ? error.message : 'this is no JSON', error);
    }
  });
}
