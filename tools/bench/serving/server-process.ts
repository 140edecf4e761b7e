import { spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { assert } from '@starling/core';
import { root } from '../../run.mjs';

/** A server under measurement, in a process of its own. */
export interface ServerProcess {
  readonly name: string;
  readonly url: string;
  readonly pid: number | undefined;
  /** Tells it to stop and waits for its end. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly model: string;
  readonly threads: number;
  /** Sequences that run at once. */
  readonly parallel: number;
  /** Tokens of context of each. */
  readonly context: number;
}

/** Largest time that a model may take to load. */
const START_LIMIT_MS = 300_000;

/** This repository's server, as it was built. */
export function startStarling(
  { model, threads, parallel, context }: ServerOptions,
  more: readonly string[] = [],
): Promise<ServerProcess> {
  const main = path.join(root, 'apps/server/dist/main.js');
  const size = ['--parallel', parallel, '--ctx-size', context].map(String);
  return start('starling', '/ready', process.execPath, [
    main,
    'serve',
    '-m',
    model,
    '-t',
    String(threads),
    ...size,
    '--log-level',
    'error',
    ...more,
  ]);
}

/** llama-server, where its program is given. */
export function startLlamaServer(
  program: string,
  { model, threads, parallel, context }: ServerOptions,
  more: readonly string[] = [],
): Promise<ServerProcess> {
  const size = ['-t', threads, '-np', parallel, '-c', parallel * context].map(String);
  return start('llama-server', '/health', program, ['-m', model, ...size, ...more]);
}

/** @param probe answers 200 once the model is loaded */
async function start(name: string, probe: string, program: string, args: readonly string[]): Promise<ServerProcess> {
  const port = await freePort();
  const child = spawn(program, [...args, '--host', '127.0.0.1', '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
  let code: number | null | undefined;
  const ended = new Promise<void>((resolve) =>
    child.on('close', (status) => {
      code = status;
      resolve();
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  for (
    const limit = performance.now() + START_LIMIT_MS;
    (await fetch(url + probe).catch(() => undefined))?.ok !== true;
  ) {
    if (performance.now() > limit) child.kill();
    assert(code === undefined, `${name} starts: ${errors.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    name,
    url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
