import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const command = path.resolve(import.meta.dirname, '../../../tools/starling.mjs');

/** A `starling serve` of its own process. */
export interface ServedProcess {
  readonly url: string;
  readonly stderr: () => string;
  stop(): Promise<void>;
  /** As a machine that fails. */
  kill(): Promise<void>;
}

/** Starts a server with the demo model, on a free port unless `args` name one; for tests that need more than one process, or one that dies. */
export async function serveProcess(...args: readonly string[]): Promise<ServedProcess> {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('STARLING_') && name !== 'NODE_OPTIONS'),
  );
  const child = spawn(
    process.execPath,
    [command, 'serve', ...(args.includes('--port') ? [] : ['--port', '0']), ...args],
    {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.stderr += text));
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const found = /listens on (http:\/\/\S+)/.exec(said.stdout)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new ReferenceError(`the server ended: ${said.stderr}`)));
  });
  return {
    url,
    stderr: () => said.stderr,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
