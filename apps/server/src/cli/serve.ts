import { once } from 'node:events';
import type { Command } from 'commander';
import { compose, type Server } from '../compose.js';
import { resolveConfig } from '../config/resolve-config.js';
import type { ServedModel } from '../parts.js';
import type { SettingName } from '../config/settings.js';
import { openTracing } from '../tracing/open-tracing.js';
import { write, type CliIo } from './io.js';
import { fileState, watchFile } from '../watch-file.js';
import { addServeOptions, asUsage, flagsOf } from './serve-options.js';

/** A second Ctrl-C this long after the first cuts the drain; a second signal sooner is the same one, passed on by a parent. */
const IMPATIENCE_MS = 300;

/** `starling serve`. */
export function registerServe(program: Command, io: CliIo): void {
  const command = addServeOptions(program.command('serve').description('serve models over HTTP'));
  command.action(async (options: Record<string, unknown>) => {
    await serve(flagsOf(options), io);
  });
}

async function serve(flags: Partial<Record<SettingName, unknown>>, io: CliIo): Promise<void> {
  const config = asUsage(() => resolveConfig({ flags, environment: io.environment }));
  const tracing = await openTracing(config, io.environment);
  const server = asUsage(() => compose(config, io, tracing));
  const stop = stopSignal();
  const reread = async (): Promise<void> => {
    try {
      await server.reload(resolveConfig({ flags, environment: io.environment }));
    } catch (error) {
      server.log.error({ err: error }, 'the configuration stays as it was');
    }
  };
  const onHangUp = (): void => void started.then(reread, () => undefined);
  // Of a terminal that closes the signal says that nobody is there any more: it ends the process, as always.
  if (io.stdin.isTTY !== true) process.on('SIGHUP', onHangUp);
  const unwatch =
    config.config === undefined ? undefined : watchFile(config.config, fileState(config.config), onHangUp, 2);
  const started = server.start();
  try {
    await Promise.race([started, stop.asked]);
    if (!stop.wasAsked()) {
      await write(io.stdout, greeting(server));
      await stop.asked;
    }
  } finally {
    unwatch?.();
    await server.close(stop.isImpatient);
  }
}

/** The line that tells where the server listens and how to try its first model. */
function greeting({ url, model, asksForKeys }: Server): string {
  const [path, body] = model === undefined ? (['/v1/models', undefined] as const) : firstRequest(model.info);
  const key = asksForKeys ? " -H 'authorization: Bearer YOUR_KEY'" : '';
  return `Starling listens on ${url} - try: curl ${url}${path}${key}${body === undefined ? '' : ` -H 'content-type: application/json' -d '${JSON.stringify(body)}'`}\n`;
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
