import { AssertionError } from 'node:assert';
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { until } from '../../../../tools/jest/until.js';

export const repositoryRoot = path.resolve(import.meta.dirname, '../../../..');
const command = path.join(repositoryRoot, 'tools/starling.mjs');

/** A build and the load of a small model are done by then. */
const START_LIMIT_MS = 150_000;

/** What a command left behind. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Variables of the caller's that would change what the server does. */
function cleanEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('STARLING_') && name !== 'NODE_OPTIONS',
  );
  return { ...Object.fromEntries(inherited), ...extra };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const texts = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => void (texts.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (texts.stderr += text));
  return texts;
}

const failure = (message: string) => new AssertionError({ message });

const exitOf = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));

/** Runs the `starling` command to its end. */
export async function starling(
  args: readonly string[],
  { input = '', environment = {} }: { input?: string | Uint8Array; environment?: Record<string, string> } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [command, ...args], { env: cleanEnvironment(environment) });
  const texts = collect(child);
  const exit = exitOf(child);
  // A command that ends without reading its input closes the pipe: that is its right.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return { code: await exit, ...texts };
}

/** A `starling serve` that takes requests. */
export interface RunningServer {
  readonly url: string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<CommandResult>;
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Memory that the process holds, in bytes; undefined where the system does not tell (other than Linux). */
  residentBytes(): number | undefined;
  /** Bytes of objects and buffers that the serving thread holds when its garbage is collected; for a server with `TELLS_MEMORY`. */
  collectedBytes(): Promise<number>;
}

/** What makes a server able to tell `collectedBytes`. */
export const TELLS_MEMORY = {
  NODE_OPTIONS: `--import ${pathToFileURL(path.join(import.meta.dirname, 'collected-memory.mjs')).href}`,
};

/** Servers of this test file that run. */
const servers = new Set<ChildProcess>();

// What a failed test leaves behind would keep Jest from its end.
afterAll(() => {
  for (const child of servers) child.kill('SIGKILL');
});

/** Starts a server on a free port and waits until it says where it listens. */
export async function startServer(
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<RunningServer> {
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', ...args], {
    env: cleanEnvironment(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  servers.add(child);
  const texts = collect(child);
  const exit = exitOf(child);
  void exit.then(() => servers.delete(child));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(failure(`no server after ${START_LIMIT_MS} ms: ${texts.stderr}`));
    }, START_LIMIT_MS);
    const look = () => {
      const found = /listens on (http:\/\/\S+)/.exec(texts.stdout)?.[1];
      if (!found) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.on('data', look);
    void exit.then((code) => {
      clearTimeout(timer);
      reject(failure(`the server ended with ${code}: ${texts.stderr}`));
    });
  });
  return {
    url,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    signal: (signal) => void child.kill(signal),
    residentBytes() {
      const status = `/proc/${child.pid}/status`;
      return fs.existsSync(status)
        ? 1024 * Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(status, 'utf8'))?.[1])
        : undefined;
    },
    async collectedBytes() {
      const told = () => [...texts.stderr.matchAll(/^\{"collectedBytes":(\d+)\}$/gm)];
      const before = told().length;
      child.kill('SIGUSR2');
      await until(() => told().length > before || child.exitCode !== null);
      return Number(told().at(-1)?.[1]);
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return { code: await exit, ...texts };
    },
  };
}
