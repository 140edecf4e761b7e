import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Entry } from './entries.js';

/** Kilobytes that each entry may have with all of ours that it imports. Those that pages load are to stay small. */
export const MOST_KB: Readonly<Record<string, number>> = {
  '@starling/core': 4,
  '@starling/gguf': 40,
  '@starling/gguf/node': 25,
  '@starling/tokenizer': 30,
  '@starling/tokenizer/hf': 40,
  '@starling/tokenizer/node': 45,
  '@starling/sampler': 20,
  '@starling/grammar': 50,
  '@starling/jinja': 40,
  '@starling/chat': 60,
  '@starling/kvcache': 25,
  '@starling/kvcache/node': 10,
  '@starling/scheduler': 20,
  '@starling/kernels': 40,
  '@starling/kernels/node': 10,
  '@starling/kernels/internal': 25,
  '@starling/transformer': 130,
  '@starling/transformer/node': 130,
  '@starling/transformer/testing': 6,
  '@starling/models': 4,
  '@starling/models/node': 15,
  '@starling/models/web': 6,
  '@starling/engine': 340,
  '@starling/engine/node': 5,
  '@starling/engine/web': 15,
  '@starling/engine/starling-web.js': 360,
  '@starling/engine/testing': 190,
  '@starling/telemetry': 4,
  '@starling/telemetry/node': 4,
  '@starling/telemetry/tracing': 4,
  '@starling/ai-provider': 20,
  '@starling/server': 160,
  '@starling/testing': 500,
};

/** Kilobytes of an entry as a browser or a server would get it: one minified file, gzip, without packages of others. */
export async function entrySize(folder: string, { name, isForPages, others }: Entry): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${name}';`, resolveDir: folder },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: isForPages ? 'browser' : 'node',
    external: others.flatMap((other) => [other, `${other}/*`]),
    target: 'es2022',
    logLevel: 'silent',
  });
  return gzipSync(outputFiles[0].contents).length / 1000;
}
