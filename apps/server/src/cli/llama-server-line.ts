import { StarlingError } from '@starling/core';

/** llama-server's other names for flags that `serve` has. */
const NAMES: Readonly<Record<string, string>> = {
  '-ub': '--ubatch-size',
  '-ctk': '--cache-type-k',
  '-ctv': '--cache-type-v',
  '-cb': '--cont-batching',
  '-kvu': '--kv-unified',
  '-rea': '--reasoning',
  '-mu': '--model',
  '--model-url': '--model',
  '--predict': '--n-predict',
  '--temperature': '--temp',
  '--typical': '--typical-p',
  '--top-nsigma': '--top-n-sigma',
  '--embedding': '--embeddings',
  '--rerank': '--reranking',
  '--spec-draft-n-max': '--draft-max',
  '-md': '--draft-model',
  '--model-draft': '--draft-model',
  '--spec-draft-model': '--draft-model',
  '--ui': '--webui',
  '--no-ui': '--no-webui',
  '--log-verbose': '--verbose',
  // Scales follow the files there too.
  '--lora-scaled': '--lora',
  '--control-vector-scaled': '--control-vector',
  '--api-key-file': '--api-keys-file',
};

/** Requests take no longer to come. */
const MAX_BODY_SECONDS = 3600;

/** What a model's repository is called there. */
const REPOSITORY = new Set(['-hf', '-hfr', '--hf-repo']);
const REPOSITORY_FILE = new Set(['-hff', '--hf-file']);

/** Flags of llama-server that have no meaning here, and why. The names stand for families: what begins so. */
const REFUSED: readonly (readonly [flags: readonly string[], reason: string])[] = [
  [
    [
      '-ngl',
      '--gpu-layers',
      '--n-gpu-layers',
      '-sm',
      '--split-mode',
      '-ts',
      '--tensor-split',
      '-mg',
      '--main-gpu',
      '-dev',
      '--device',
      '-nkvo',
      '--no-kv-offload',
      '-kvo',
      '--kv-offload',
      '--op-offload',
      '--no-op-offload',
    ],
    'everything is computed on the CPU',
  ],
  [['-fa', '--flash-attn'], 'attention is always computed in blocks, without the whole matrix'],
  [['-tb', '--threads-batch'], 'prompts and answers are computed by the same threads: see --threads'],
  [['--threads-http'], 'requests are read by one thread, which computes nothing else'],
  [['--log-file'], 'the log is written to the standard error: send that to a file'],
  [['--path'], 'the page is the server’s own: a page of yours goes on a server of its own, which --cors-origins names'],
  [['--api-prefix'], 'put a proxy before the server that takes the prefix off'],
  [['--verbose-prompt'], 'answers tell the prompt with --verbose, and starling tokenize shows its tokens'],
  [
    [
      '--rope-scaling',
      '--rope-scale',
      '--rope-freq-base',
      '--rope-freq-scale',
      '--yarn-orig-ctx',
      '--yarn-ext-factor',
      '--yarn-attn-factor',
      '--yarn-beta-slow',
      '--yarn-beta-fast',
    ],
    'positions are scaled as the model’s file says',
  ],
  [['-dt', '--defrag-thold'], 'what is computed is kept in pages, which need no moving'],
  [
    ['--no-warmup'],
    'a model computes two tokens before it serves, always, so that the first request does not wait for what is compiled',
  ],
  [['--context-shift'], 'an answer ends where the context does'],
  [
    ['--spec-type', '--spec-draft-n-min', '--spec-default'],
    'how much is drafted follows from what is accepted and what steps take: see --lookup and --draft-max',
  ],
  [['-mm', '--mmproj', '-mmu', '--mmproj-url', '--media-path'], 'models take text alone'],
  [['--mlock', '--mmap', '--no-mmap', '-lm', '--load-mode', '--numa'], 'weights are read into memory of the process'],
  [
    ['--tools', '--tools-runtime', '--ui-mcp-proxy', '--mcp-servers-config', '--mcp-servers-json'],
    'the server runs no tools',
  ],
  [['--models-preset'], 'models are given by --model, several times if need be, and by --models-dir'],
  [['--backend-sampling', '-bs'], 'tokens are drawn where they always are'],
  [['-nocb', '--no-cont-batching'], 'requests always run together: see --parallel'],
  [['--ssl-key-file', '--ssl-cert-file'], 'put a proxy before the server that ends TLS'],
];

/** What llama-server can be told to do and always is so here. */
const AS_ALWAYS = new Set(['--no-context-shift', '--warmup']);

const REASONS: ReadonlyMap<string, string> = new Map(
  REFUSED.flatMap(([flags, reason]) => flags.map((flag) => [flag, reason] as const)),
);

/**
 * The arguments of `serve` with llama-server's other names for flags in our own words.
 * @throws StarlingError invalid_argument, as bad usage, for a flag of llama-server that has no meaning here
 */
export function inOurWords(args: readonly string[]): string[] {
  const result: string[] = [];
  let repository: string | undefined;
  let file: string | undefined;
  for (let i = 0; i < args.length; i++) {
    // Flags may be written with underscores there.
    const arg = args[i].replace(/^--[\w-]+/, (flag) => flag.replaceAll('_', '-'));
    const reason = REASONS.get(arg);
    if (reason !== undefined)
      throw usageError(`${arg}, a flag of llama-server, has no meaning here: ${reason}; leave it out`);
    if (REPOSITORY.has(arg)) repository = args[++i] ?? '';
    else if (REPOSITORY_FILE.has(arg)) file = args[++i] ?? '';
    else if (AS_ALWAYS.has(arg)) continue;
    else if (arg === '-to' || arg === '--timeout') result.push(...timeouts(args[++i] ?? ''));
    else if (arg === '--reasoning-format' && args[i + 1] === 'none')
      throw usageError(
        '--reasoning-format none, of llama-server, has no meaning here: reasoning is always put apart from the content, as clients want it; leave it out',
      );
    // The number of slots: they share the context.
    else if (arg === '-np') result.push('--ctx-shared', '--parallel');
    else if (arg === '--control-vector-layer-range' && /^\d+$/.test(args[i + 1] ?? ''))
      result.push(arg, `${args[++i]}-${args[++i] ?? ''}`);
    else if (arg === '--slots' || arg === '--no-slots') result.push('--ctx-shared', arg);
    else result.push(NAMES[arg] ?? arg);
  }
  if (file !== undefined && repository === undefined) throw usageError('--hf-file needs --hf-repo');
  if (repository !== undefined)
    result.push(
      '--model',
      file === undefined
        ? `hf:${repository}`
        : `https://huggingface.co/${repository.replace(/:.*$/, '')}/resolve/main/${file}`,
    );
  return result;
}

/** Seconds in which a request comes and an answer is taken: the first has a bound of its own. */
function timeouts(seconds: string): string[] {
  const whole = Number(seconds) > MAX_BODY_SECONDS ? String(MAX_BODY_SECONDS) : seconds;
  return ['--body-seconds', whole, '--stall-seconds', seconds];
}

const usageError = (message: string) => new StarlingError('invalid_argument', message, { details: { isUsage: true } });
