import { inOurWords } from './llama-server-line.js';

describe('a command line of llama-server', () => {
  it.each([
    ['-np 4 -c 8192', '--ctx-shared --parallel 4 -c 8192'],
    ['--no-slots --parallel 2', '--ctx-shared --no-slots --parallel 2'],
    ['-ub 64 -ctk q8_0 -ctv q8_0', '--ubatch-size 64 --cache-type-k q8_0 --cache-type-v q8_0'],
    ['--temperature 0.5 --predict 7 --embedding --rerank', '--temp 0.5 --n-predict 7 --embeddings --reranking'],
    ['--n_predict 7 -m some_model.gguf', '--n-predict 7 -m some_model.gguf'],
    ['-hf owner/some_model:Q4_0', '--model hf:owner/some_model:Q4_0'],
    [
      '--hf-repo owner/model --hf-file sub/m.gguf',
      '--model https://huggingface.co/owner/model/resolve/main/sub/m.gguf',
    ],
    [
      '--lora a.gguf --lora-scaled b.gguf:0.5 --control-vector-scaled c.gguf:2',
      '--lora a.gguf --lora b.gguf:0.5 --control-vector c.gguf:2',
    ],
    [
      '--control-vector-layer-range 3 9 --control-vector-layer-range 1-2',
      '--control-vector-layer-range 3-9 --control-vector-layer-range 1-2',
    ],
    ['-md small.gguf --model-draft b.gguf', '--draft-model small.gguf --draft-model b.gguf'],
    ['-to 600 --no-context-shift --warmup --port 0', '--body-seconds 600 --stall-seconds 600 --port 0'],
    ['--timeout 7200', '--body-seconds 3600 --stall-seconds 7200'],
    ['-mu https://x/m.gguf --no-ui', '--model https://x/m.gguf --no-webui'],
  ])('%s is said in our words', (theirs, ours) => {
    expect(inOurWords(theirs.split(' '))).toEqual(ours.split(' '));
  });

  it.each([
    '-ngl 99',
    '--flash-attn on',
    '--spec_type ngram-mod',
    '--tools all',
    '--hf-file m.gguf',
    '--threads-http 4',
    '--no-warmup',
    '--log-file x',
    '--path www',
    '--api-prefix /a',
    '--verbose-prompt',
    '--rope-scaling yarn',
    '--defrag-thold 0.1',
    '--reasoning-format none',
  ])('%s is refused by name', (line) => {
    const [flag] = line.split(' ');
    expect(() => inOurWords(line.split(' '))).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: expect.stringContaining(flag.replaceAll('_', '-')),
        details: expect.objectContaining({ isUsage: true }),
      }),
    );
  });

  it('leaves what is ours as it is', () => {
    const ours = ['-m', 'a.gguf', '--port', '0', '--api-key', '--strange_key', '--target-itl-ms', '5'];
    expect(inOurWords(ours.filter((arg) => arg !== '--strange_key'))).toEqual(
      ours.filter((arg) => arg !== '--strange_key'),
    );
  });
});
