import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from '../../run.mjs';
import type { Measurement } from './measurement.js';
import { nativeFolder, type NativeClass } from './peer-packages.js';
import type { Row } from './rows.js';
import { measureWllama } from './wllama.js';

/** Something that computes models. */
export interface Engine {
  readonly name: string;
  /** Tokens per second of a row, once; undefined if it has no way to measure that. */
  measure(model: string, threads: number, row: Row): number | undefined | Promise<number | undefined>;
}

/** Names of Starling's engines begin so. */
export const OURS = 'starling';

/** What a prompt is, where only the tokens after it are asked for. */
const SHORT_PROMPT = 16;

/** The node binary of a major version, through npx when it is not the one that runs this. */
function nodeBinary(major: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  return execFileSync('npx', ['-y', `node@${major}`, '-p', 'process.execPath'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

/** The server's bundle on one version of Node: `starling bench`. */
export function starling(major: string): Engine {
  const node = nodeBinary(major);
  const main = path.join(root, 'apps/server/dist/main.js');
  return {
    name: `${OURS} (node ${major})`,
    measure(model, threads, row) {
      const prompt = row.kind === 'prompt' ? row.tokens : 0;
      const gen = row.kind === 'prompt' ? 0 : row.tokens;
      const beside = row.kind === 'together' ? ['--parallel', row.sequences] : ['-d', row.depth];
      const args = [main, 'bench', '-m', model, '-t', threads, '-p', prompt, '-n', gen, ...beside, '-r', 1, '--json'];
      const out = execFileSync(node, args.map(String), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      const { prompt_tps: promptTps, decode_tps: decodeTps } = JSON.parse(out) as Record<string, number>;
      return row.kind === 'prompt' ? promptTps : decodeTps;
    },
  };
}

/** What those measure that know a prompt and the tokens after it alone. */
async function atStart(
  row: Row,
  measure: (prompt: number, gen: number) => Measurement[] | Promise<Measurement[]>,
): Promise<number | undefined> {
  if (row.kind === 'together' || row.depth > 0) return undefined;
  if (row.kind === 'prompt') return (await measure(row.tokens, 1))[0].promptTps;
  return (await measure(SHORT_PROMPT, row.tokens))[0].decodeTps;
}

/** node-llama-cpp on a class of machine. */
export function nodeLlamaCpp(name: NativeClass): Engine {
  const script = path.join(import.meta.dirname, 'native.mjs');
  const measure = (model: string, threads: number, prompt: number, gen: number): Measurement[] => {
    const args = [nativeFolder(name), model, threads, prompt, gen, 1].map(String);
    const out = execFileSync(process.execPath, [script, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return (JSON.parse(out.trim().split('\n').pop()!) as { results: Measurement[] }).results;
  };
  return {
    name: `node-llama-cpp ${name}`,
    measure: (model, threads, row) => atStart(row, (prompt, gen) => measure(model, threads, prompt, gen)),
  };
}

/** wllama in headless Chromium. */
export const wllama: Engine = {
  name: 'wllama (chromium)',
  measure: (model, threads, row) => atStart(row, (prompt, gen) => measureWllama(model, threads, prompt, gen, 1)),
};
