import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from '../../../tools/jest/until.js';
import { repositoryRoot } from './support/starling-process.js';

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    () => true,
    () => false,
  );

describe('npm start', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('leaves no server behind when npm is ended by %s', async (signal) => {
    const npm = spawn('npm', ['start', '--', '--port', '0'], {
      cwd: repositoryRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    let url: string | undefined;
    for await (const chunk of npm.stdout) {
      text += String(chunk);
      url = /listens on (http:\/\/\S+)/.exec(text)?.[1];
      if (url !== undefined) break;
    }
    expect(url).toBeDefined();
    expect(await answers(url ?? '')).toBe(true);
    const ended = once(npm, 'exit');
    npm.kill(signal);
    await ended;
    await until(async () => !(await answers(url ?? '')));
  });
});
