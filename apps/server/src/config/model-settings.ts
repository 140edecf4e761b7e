import * as v from 'valibot';
import { keepAliveMs } from '../keep-alive.js';
import {
  bytes,
  commaTexts,
  flag,
  integer,
  oneOf,
  readBy,
  text,
  texts,
  valueOf,
  type Setting,
} from './setting-values.js';

/** 0 is llama-server's word for what the model was made for. */
const contextTokens = integer(0, 2 ** 24);
const contextSize = valueOf(
  v.pipe(
    contextTokens,
    v.transform((tokens) => tokens || undefined),
  ),
  contextTokens.jsonSchema,
);
/** In milliseconds; Infinity: for ever. */
const duration = valueOf(v.pipe(v.unknown(), readBy('a number of seconds, or a time such as 5m', keepAliveMs)), {
  anyOf: [
    { type: 'number' },
    { type: 'string', pattern: String.raw`^[+-]?(\d+(\.\d+)?|(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+)$` },
  ],
});
const cacheType = oneOf(['f32', 'f16', 'q8_0']);

/** Which models there are, and how they are loaded. */
export const MODEL_SETTINGS = {
  model: {
    flag: 'model',
    short: 'm',
    placeholder: 'MODEL',
    repeatable: true,
    help: 'a GGUF file, a name in the cache folder, a URL, or hf:OWNER/REPO[:QUANT]; may be given several times (default: the demo model that comes with the server)',
    default: [],
    isLive: true,
    value: texts,
  },
  modelsDir: {
    flag: 'models-dir',
    placeholder: 'FOLDER',
    help: 'a folder of GGUF files, and of folders with one: they are served by their names, and loaded when they are asked for, as those of the cache folder are',
    isLive: true,
    value: text,
  },
  modelsAutoload: {
    flag: 'models-autoload',
    negatable: true,
    help: 'load models of those folders when a request names them; else by POST /v1/models/load alone',
    default: true,
    value: flag,
  },
  modelsMax: {
    flag: 'models-max',
    placeholder: 'N',
    help: 'models in memory, at most; beyond, the one that was asked longest ago goes; 0: as many as memory holds',
    default: 0,
    isLive: true,
    value: integer(0, 1024),
  },
  memoryLimit: {
    flag: 'memory-limit',
    placeholder: 'BYTES',
    help: 'memory of all models together, such as 24G (default: what the machine or its container has)',
    isLive: true,
    value: bytes(2 ** 20),
  },
  keepAlive: {
    flag: 'keep-alive',
    placeholder: 'TIME',
    help: 'how long a model stays in memory without a request: seconds, or 5m, 1h30m; -1: until its memory is wanted; requests of administrators to /api may say otherwise',
    default: '-1',
    isLive: true,
    value: duration,
  },
  alias: {
    flag: 'alias',
    short: 'a',
    placeholder: 'NAMES',
    repeatable: true,
    help: 'names of the first model, with commas between; NAME=MODEL for another one; claude-* stands for all that begin so',
    default: [],
    isLive: true,
    value: commaTexts,
  },
  tags: {
    flag: 'tags',
    placeholder: 'NAMES',
    repeatable: true,
    help: 'tags of the first model, for lists of models',
    default: [],
    isLive: true,
    value: commaTexts,
  },
  draftModel: {
    flag: 'draft-model',
    placeholder: 'MODEL',
    help: 'a smaller model with the same vocabulary as the first one (a file, a name, a URL): its likeliest tokens are computed beside those that are known where that is likely to be faster; the same tokens come either way (default: none)',
    value: text,
  },
  threads: {
    flag: 'threads',
    short: 't',
    placeholder: 'N',
    help: 'threads that compute (default: one for each physical core)',
    value: integer(1, 256),
  },
  ctxSize: {
    flag: 'ctx-size',
    short: 'c',
    placeholder: 'N',
    help: "tokens of context for one sequence (default, and 0: the model's own, at most 8192 and what memory holds)",
    value: contextSize,
  },
  ctxShared: {
    flag: 'ctx-shared',
    help: '--ctx-size is for all sequences together, and each has an even share, as with the slots of llama-server; -np, --slots and --no-slots say so too',
    default: false,
    value: flag,
  },
  kvUnified: {
    flag: 'kv-unified',
    help: 'each sequence may have the whole context, where --ctx-size is shared',
    default: false,
    value: flag,
  },
  parallel: {
    flag: 'parallel',
    placeholder: 'N',
    help: 'sequences that run at once',
    default: 16,
    value: integer(1, 1024),
  },
  batchSize: {
    flag: 'batch-size',
    short: 'b',
    placeholder: 'N',
    help: 'tokens of one step, at most',
    value: integer(1, 2 ** 20),
  },
  ubatchSize: {
    flag: 'ubatch-size',
    placeholder: 'N',
    help: 'the same: the smaller of the two counts',
    value: integer(1, 2 ** 20),
  },
  cacheTypeK: {
    flag: 'cache-type-k',
    placeholder: 'TYPE',
    help: 'how keys are stored: f32, f16 or q8_0',
    value: cacheType,
  },
  cacheTypeV: {
    flag: 'cache-type-v',
    placeholder: 'TYPE',
    help: 'how values are stored: as keys are',
    value: cacheType,
  },
  deterministic: {
    flag: 'deterministic',
    help: 'the same file, seed and request give the same bytes on every CPU',
    default: false,
    value: flag,
  },
  skipVerify: {
    flag: 'skip-verify',
    help: 'do not hold pulled models against their checksums before they are served',
    default: false,
    value: flag,
  },
  offline: { flag: 'offline', help: 'download nothing', default: false, value: flag },
  sleepIdleSeconds: {
    flag: 'sleep-idle-seconds',
    placeholder: 'N',
    help: 'llama-server’s word for --keep-alive: seconds without a request after which models give their memory back; -1: as --keep-alive has it',
    default: -1,
    isLive: true,
    value: integer(-1, 2 ** 31 - 1),
  },
} as const satisfies Record<string, Setting>;

/** What is kept between requests, and where. */
export const STORAGE_SETTINGS = {
  sessionLimit: {
    flag: 'session-limit',
    placeholder: 'N',
    help: 'sessions of one API key that are held; beyond, the one that was used longest ago closes',
    default: 64,
    value: integer(1, 1_000_000),
  },
  sessionTtlSeconds: {
    flag: 'session-ttl-seconds',
    placeholder: 'N',
    help: 'a session closes after so long without use',
    default: 3600,
    value: integer(1, 10 ** 9),
  },
  idlePrefill: {
    flag: 'idle-prefill',
    negatable: true,
    help: "compute what is known of a conversation's next turn while nothing else runs",
    default: true,
    value: flag,
  },
  sharedPrefix: {
    flag: 'shared-prefix',
    placeholder: 'FILE',
    repeatable: true,
    help: 'what prompts of all callers may begin with, computed at the start and kept in memory: a system message as text, or *.json with messages (and tools, chat_template_kwargs) or a prompt; may be given several times',
    default: [],
    value: texts,
  },
  kvDir: {
    flag: 'kv-dir',
    placeholder: 'FOLDER',
    help: 'a folder to which keys, values and sessions go when memory is short, and when the server ends: they are there again after a restart (default: none)',
    value: text,
  },
  kvDiskLimit: {
    flag: 'kv-disk-limit',
    placeholder: 'BYTES',
    help: 'bytes of that folder, such as 20G; what was used longest ago goes first',
    default: 8 * 2 ** 30,
    value: bytes(2 ** 20),
  },
  kvShared: {
    flag: 'kv-shared',
    help: 'several servers have the folder of --kv-dir, and one --redis-url: a session goes on at any of them from what another one stored',
    default: false,
    value: flag,
  },
  slotSavePath: {
    flag: 'slot-save-path',
    placeholder: 'FOLDER',
    help: 'a folder in which callers save sessions and slots, to be opened again here or on another machine with the same model (default: they may not)',
    value: text,
  },
} as const satisfies Record<string, Setting>;
