import { once } from 'node:events';
import { Option, type Command } from 'commander';
import { isStarlingError, StarlingError } from '@starling/core';
import { compose, type Server } from '../compose.js';
import { resolveConfig } from '../config.js';
import type { ServedModel } from '../parts.js';
import { SETTINGS, type Setting, type SettingName } from '../settings.js';
import { write, type CliIo } from './io.js';
import { gather } from './values.js';

/** A second Ctrl-C this long after the first cuts the drain; a second signal sooner is the same one, passed on by a parent. */
const IMPATIENCE_MS = 300;

/** `starling serve`. */
export function registerServe(program: Command, io: CliIo): void {
  const command = program
    .command('serve')
    .description('serve models over HTTP')
    .addHelpText('after', '\nEach option can be set by an environment variable too: --ctx-size by STARLING_CTX_SIZE, and so on.\nOrder: option, environment, config file, default.');
  for (const setting of Object.values<Setting<unknown>>(SETTINGS)) command.addOption(optionOf(setting));
  command.action(async (options: Record<string, unknown>) => {
    await serve(flagsOf(options), io);
  });
}

async function serve(flags: Partial<Record<SettingName, unknown>>, io: CliIo): Promise<void> {
  const config = asUsage(() => resolveConfig({ flags, environment: io.environment }));
  const server = compose(config, io);
  const stop = stopSignal();
  try {
    await Promise.race([server.start(), stop.asked]);
    if (!stop.wasAsked()) {
      await write(io.stdout, greeting(server, config.apiKeys.length > 0));
      await stop.asked;
    }
  } finally {
    await server.close(stop.isImpatient);
  }
}

/** The line that tells where the server listens and how to try its first model. */
function greeting({ url, model }: Server, needsKey: boolean): string {
  const [path, body] = firstRequest(model.info);
  const key = needsKey ? " -H 'authorization: Bearer YOUR_KEY'" : '';
  return `Starling listens on ${url} - try: curl ${url}${path}${key} -H 'content-type: application/json' -d '${JSON.stringify(body)}'\n`;
}

/** A request that a model can answer. */
function firstRequest({ hasChatTemplate, hasLogits }: ServedModel['info']): [path: string, body: object] {
  if (!hasLogits) return ['/v1/tokenize', { text: 'Once upon a time' }];
  if (!hasChatTemplate) return ['/v1/generate', { prompt: 'Once upon a time', max_tokens: 64 }];
  return ['/v1/generate', { messages: [{ role: 'user', content: 'What is 12 + 7?' }], temperature: 0 }];
}

/** Waits for SIGINT or SIGTERM. It listens to the end of the process: a signal that comes while that ends must not make a clean end look like a kill. */
function stopSignal() {
  const abort = new AbortController();
  const impatient = new AbortController();
  let firstAt = 0;
  const onSignal = () => {
    if (!abort.signal.aborted) firstAt = performance.now();
    else if (performance.now() - firstAt > IMPATIENCE_MS) impatient.abort();
    abort.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  return {
    asked: once(abort.signal, 'abort'),
    wasAsked: () => abort.signal.aborted,
    isImpatient: impatient.signal,
  };
}

function optionOf({ flag, short, placeholder, repeatable, help, default: value }: Setting<unknown>): Option {
  const long = `--${flag}${placeholder ? ` <${placeholder}>` : ''}`;
  const isTold = typeof value === 'number' || typeof value === 'string';
  const option = new Option(short ? `-${short}, ${long}` : long, isTold ? `${help} (default: ${value})` : help);
  return repeatable ? option.argParser(gather) : option;
}

/** Commander names options by their flags; settings have names of their own. */
function flagsOf(options: Record<string, unknown>): Partial<Record<SettingName, unknown>> {
  const camel = (flag: string) => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(SETTINGS).map(([name, { flag }]) => [name, options[camel(flag)]]));
}

/** A configuration that is wrong is bad usage, whatever it came from. */
function asUsage<T>(resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    throw new StarlingError(error.code, error.message, { details: { ...error.details, isUsage: true }, cause: error });
  }
}
