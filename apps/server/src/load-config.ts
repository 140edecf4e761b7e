import fs from 'node:fs';
import { CHATML_TEMPLATE, USUAL_TEMPLATE_NAMES, usualTemplate, type ToolDefinition } from '@starling/chat';
import { StarlingError } from '@starling/core';
import type { LoadOptions } from '@starling/engine';
import { samplingDefaultsOf } from './config/answer-settings.js';
import type { ServedOptions } from './models/served-model.js';
import type { ServeConfig } from './config/settings.js';
import { fileProblem } from './system-code.js';

/** Sizes, threads and templates that models are loaded with. @throws StarlingError invalid_argument for settings that exclude each other */
export function loadOptionsOf(config: ServeConfig): LoadOptions {
  const { threads, parallel, batchSize, ubatchSize, deterministic, watchdogSeconds } = config;
  const batch = Math.min(batchSize ?? Infinity, ubatchSize ?? Infinity);
  return {
    threads,
    watchdogMs: watchdogSeconds > 0 ? 1000 * watchdogSeconds : Infinity,
    contextLength: contextLengthOf(config),
    maxSequences: parallel,
    maxBatchTokens: Number.isFinite(batch) ? Math.max(batch, parallel) : undefined,
    kvType: kvTypeOf(config),
    deterministic,
    samplerDefaults: samplingDefaultsOf(config),
    chatTemplate: chatTemplateOf(config),
    fallbackChatTemplate: CHATML_TEMPLATE,
  };
}

/** What a model is served with, where the operator said so. */
export function servedOptionsOf(config: ServeConfig, name: string, isFirst: boolean): ServedOptions {
  const { reasoning, chatTemplateKwargs } = config;
  const templateVariables = {
    ...(reasoning !== undefined && { enable_thinking: reasoning !== 'off' }),
    ...chatTemplateKwargs,
  };
  return {
    defaults: {
      sampling: samplingDefaultsOf(config),
      maxTokens: config.nPredict < 0 ? undefined : config.nPredict,
      reasoningTokens: config.reasoningBudget < 0 ? undefined : config.reasoningBudget,
      pooling: config.pooling,
      embdNormalize: config.embdNormalize,
      hasOwnTemplate: config.chatTemplate !== undefined || config.chatTemplateFile !== undefined || undefined,
      templateVariables: (tools) => ({
        ...(config.jinja === true && llamaServerVariables(tools)),
        ...templateVariables,
      }),
    },
    aliases: aliasesOf(config, name, isFirst),
    tags: isFirst ? config.tags : [],
  };
}

/** Names that the operator gave: `NAME` to the first model, `NAME=MODEL` to that one. */
function aliasesOf({ alias }: ServeConfig, model: string, isFirst: boolean): string[] {
  return alias.flatMap((said) => {
    const [name, of] = said.split('=');
    return (of === undefined ? isFirst : of === model) ? [name] : [];
  });
}

/** What llama-server tells chat templates beside what their authors do: the day, and tools as a text. */
function llamaServerVariables(tools: readonly ToolDefinition[]): Record<string, string> {
  const [, month, day, year] = new Date().toDateString().split(' ');
  return {
    date_string: `${day} ${month} ${year}`,
    datetime: `${month} ${day} ${year}`,
    functions: tools.length === 0 ? '' : JSON.stringify(tools, undefined, 2),
  };
}

/** The name of the first model, where the operator gave names: the first in the order of the alphabet, as llama-server has it. */
export function ownNameOf({ alias }: ServeConfig): string | undefined {
  return alias.filter((name) => !name.endsWith('*') && !name.includes('=')).sort()[0];
}

function contextLengthOf({ ctxSize, ctxShared, kvUnified, parallel }: ServeConfig): number | undefined {
  if (ctxSize === undefined || !ctxShared || kvUnified) return ctxSize;
  const share = Math.floor(ctxSize / parallel);
  if (share < 1)
    throw new StarlingError(
      'invalid_argument',
      `--ctx-size ${ctxSize} does not give each of ${parallel} sequences a token`,
      { details: { ctxSize, parallel } },
    );
  return share;
}

function kvTypeOf({ cacheTypeK, cacheTypeV }: ServeConfig): LoadOptions['kvType'] {
  const type = cacheTypeK ?? cacheTypeV;
  if (type === undefined) return undefined;
  if ((cacheTypeV ?? type) !== type) {
    throw new StarlingError(
      'invalid_argument',
      `--cache-type-k ${type} and --cache-type-v ${cacheTypeV}: keys and values are stored alike; give both the same type`,
      { details: { cacheTypeK, cacheTypeV } },
    );
  }
  return ({ f32: 'F32', f16: 'F16', q8_0: 'Q8_0' } as const)[type];
}

/** A template from a file, from its name, or as it is. A single word is a name. */
function chatTemplateOf({ chatTemplate, chatTemplateFile }: ServeConfig): string | undefined {
  if (chatTemplateFile !== undefined) {
    try {
      return fs.readFileSync(chatTemplateFile, 'utf8');
    } catch (error) {
      throw new StarlingError('invalid_argument', `--chat-template-file ${chatTemplateFile}: ${fileProblem(error)}`, {
        details: { file: chatTemplateFile },
        cause: error,
      });
    }
  }
  if (chatTemplate === undefined || !/^[\w.-]+$/.test(chatTemplate)) return chatTemplate;
  const source = usualTemplate(chatTemplate);
  if (source !== undefined) return source;
  throw new StarlingError(
    'invalid_argument',
    `--chat-template ${chatTemplate}: no template is called so; known are ${USUAL_TEMPLATE_NAMES.join(', ')}`,
    { details: { received: chatTemplate } },
  );
}
