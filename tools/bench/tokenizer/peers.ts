import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const here = import.meta.dirname;
const require = createRequire(path.join(here, 'package.json'));

/** The tokenizers that this benchmark was written for, at their versions of then. */
const PACKAGES = ['ai-tokenizer@1.0.6', 'gpt-tokenizer@4.0.0', 'tiktoken@1.0.22', 'js-tiktoken@1.0.21'];

/** Installs the peers beside this file when they are not there; the workspace itself never depends on them. */
export function installPeers(): void {
  if (PACKAGES.every((name) => fs.existsSync(path.join(here, 'node_modules', name.split('@')[0])))) return;
  console.error('Installing the peers into tools/bench/tokenizer ...');
  execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', ...PACKAGES], {
    cwd: here,
    stdio: ['ignore', 2, 2],
  });
}

/** A tokenizer by name, with its way to encode. */
export interface Peer {
  readonly name: string;
  encode(text: string): ArrayLike<number>;
}

interface Ranks {
  readonly bpe_ranks: string;
}

interface Encoder {
  encode(text: string): ArrayLike<number>;
}

/** cl100k's ranks as js-tiktoken ships them. */
export function cl100kRanks(): string {
  const ranks = require('js-tiktoken/ranks/cl100k_base') as Ranks | { default: Ranks };
  return ('default' in ranks ? ranks.default : ranks).bpe_ranks;
}

/** All peers, each with cl100k. */
export function loadPeers(): Peer[] {
  const { Tokenizer } = require('ai-tokenizer') as { Tokenizer: new (encoding: unknown) => Encoder };
  const ai = new Tokenizer(require('ai-tokenizer/encoding/cl100k_base'));
  const gpt = require('gpt-tokenizer/cjs/encoding/cl100k_base') as Encoder;
  const { get_encoding: getEncoding } = require('tiktoken') as {
    get_encoding(name: string): { encode_ordinary(text: string): Uint32Array };
  };
  const wasm = getEncoding('cl100k_base');
  const { getEncoding: getJsEncoding } = require('js-tiktoken') as { getEncoding(name: string): Encoder };
  const js = getJsEncoding('cl100k_base');
  return [
    { name: 'ai-tokenizer', encode: (text) => ai.encode(text) },
    { name: 'gpt-tokenizer', encode: (text) => gpt.encode(text) },
    { name: 'tiktoken', encode: (text) => wasm.encode_ordinary(text) },
    { name: 'js-tiktoken', encode: (text) => js.encode(text) },
  ];
}
