import { printable, StarlingError } from '@starling/core';
import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerStatus } from '../web/api.js';
import { bytes, count, kvBytes } from '../web/figures.js';
import { StatusHistory } from '../web/status-history.js';
import { columns } from './columns.js';
import { write, type CliIo } from './io.js';
import { number } from './values.js';

interface TopOptions {
  readonly apiKey?: string;
  readonly interval: number;
  readonly once?: boolean;
}

/** Clears the screen and goes to its beginning; hides and shows the cursor. */
const CLEAR = '\u001b[H\u001b[2J';
const CURSOR = { hide: '\u001b[?25l', show: '\u001b[?25h' } as const;
/** A server that does not answer for so long is said to be gone. */
const ANSWER_MS = 5000;

/** `starling top`. */
export function registerTop(program: Command, io: CliIo): void {
  program
    .command('top')
    .description('a live table of a server: what runs and waits, tokens a second, KV memory, shares of tenants')
    .argument('[URL]', 'where it listens', 'http://127.0.0.1:8080')
    .option('--api-key <KEY>', 'a key for metrics, or an administrator’s (default: $STARLING_API_KEY)')
    .option('--interval <SECONDS>', 'between two looks', number(0.1), 1)
    .option('--once', 'two looks and one table, for pipes too')
    .action(async (url: string, options: TopOptions) => {
      const stop = new AbortController();
      const leave = (): void => stop.abort();
      process.once('SIGINT', leave);
      try {
        await watch(url, options, io, stop.signal);
      } finally {
        process.off('SIGINT', leave);
      }
    });
}

async function watch(
  url: string,
  { apiKey = '', interval, once = false }: TopOptions,
  io: CliIo,
  signal: AbortSignal,
): Promise<void> {
  const key = apiKey || io.environment.STARLING_API_KEY || '';
  const isLive = !once && io.stdout.isTTY === true;
  const history = new StatusHistory();
  if (isLive) await write(io.stdout, CURSOR.hide);
  try {
    for (let looks = 1; !signal.aborted; looks++) {
      const status = await fetchStatus(url, key, signal);
      history.add(status);
      if (isLive) await write(io.stdout, CLEAR + tableOf(status, history));
      else if (looks === 2) {
        await write(io.stdout, tableOf(status, history));
        return;
      }
      await sleep(1000 * interval, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    if (isLive) await write(io.stdout, CURSOR.show);
  }
}

/** @throws StarlingError download_failed, unauthorized, forbidden */
async function fetchStatus(url: string, key: string, signal: AbortSignal): Promise<ServerStatus> {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new StarlingError(
      'invalid_argument',
      `${JSON.stringify(url)}: expected the address of a server, like http://127.0.0.1:8080`,
      { details: { isUsage: true } },
    );
  let response: Response;
  try {
    response = await fetch(new URL('/v1/status', url), {
      headers: key === '' ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
  } catch (cause) {
    throw new StarlingError('download_failed', `no server answers at ${url}`, { cause });
  }
  if (response.ok) return (await response.json()) as ServerStatus;
  if (response.status === 401) throw new StarlingError('unauthorized', `${url} asks for a key: give --api-key`);
  if (response.status === 403)
    throw new StarlingError(
      'forbidden',
      `${url}: this key may not see what the server does; it takes one for metrics, or an administrator’s`,
    );
  throw new StarlingError('download_failed', `${url} answered ${response.status}: is it a Starling server?`);
}

/** The table of one moment, with rates since the moment before. */
function tableOf(status: ServerStatus, history: StatusHistory): string {
  const { totals } = status;
  const now = history.moments.at(-1);
  const asked = totals.prompt_tokens + totals.cached_tokens;
  const rate = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(value < 100 ? 1 : 0));
  const models = status.models.map(({ name, state, running, slots, queued, queue_limit: limit, kv, sessions }) => [
    printable(name),
    printable(state),
    `${running ?? '-'}/${slots ?? '-'}`,
    `${queued ?? '-'}/${limit ?? '-'}`,
    ...(kv === undefined ? ['-', '-', '-'] : (['used', 'cached', 'free'] as const).map((of) => bytes(kvBytes(kv, of)))),
    String(sessions ?? '-'),
  ]);
  const shares = history.shares();
  const tenants = status.models
    .flatMap(({ tenants: list = [] }) => list)
    .map(({ name, weight, running, queued }) => [
      printable(name),
      String(weight),
      String(running),
      String(queued),
      share(shares, name),
    ]);
  return [
    `Starling ${printable(status.version)}   generated ${rate(now?.generatedPerSecond)} tokens/s   prompts ${rate(now?.promptPerSecond)} tokens/s`,
    `${count(totals.requests)} requests, ${count(totals.generated_tokens)} tokens generated, ${count(asked)} of prompts (${asked > 0 ? Math.round((100 * totals.cached_tokens) / asked) : 0} % cached), ${count(totals.rejected)} refused`,
    '',
    ...columns([['MODEL', 'STATE', 'RUNNING', 'WAITING', 'KV USED', 'CACHED', 'FREE', 'SESSIONS'], ...models]),
    ...(tenants.length === 0
      ? []
      : ['', ...columns([['TENANT', 'WEIGHT', 'RUNNING', 'WAITING', 'LAST MINUTE'], ...tenants])]),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function share(shares: ReturnType<StatusHistory['shares']>, name: string): string {
  const part = shares.find((one) => one.name === name)?.part ?? 0;
  return `${Math.round(100 * part)} %`;
}
