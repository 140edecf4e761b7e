import { compileKernels, nodeBuild } from '../matmul/compile-kernels.node.js';
import { attention } from './attention.js';
import type { AttentionShape } from './attention-shape.js';
import type { KvFormat } from './kv-layout.js';
import { kvWrite } from './kv-write.js';
import { buildOpsModule } from './ops-module.js';

/** Lengths of keys and values in models that are about. */
const headLengths = [
  [64, 64],
  [80, 80],
  [96, 96],
  [112, 112],
  [128, 128],
  [192, 128],
  [256, 256],
  [576, 512],
] as const;
const groups = [1, 2, 3, 4, 5, 7, 8, 12, 16] as const;

const plain = { parts: 1, causal: true, window: false, softcap: false, sinks: false, alibi: false } as const;
const features: Partial<AttentionShape>[] = [
  {},
  { window: true },
  { softcap: true },
  { sinks: true },
  { alibi: true },
  { causal: false },
  { window: true, sinks: true },
  { window: true, softcap: true },
];

// An engine that cannot join some kernel ends the process: so each shape that a model might bring is tried here first.
describe.each(['F32', 'F16', 'Q8_0'] as const satisfies readonly KvFormat[])(
  'kernels of a build with joined vectors, where the engine can: %s',
  (format) => {
    const shapes = headLengths.flatMap(([keyLength, valueLength], i) =>
      groups.map(
        (group, j): AttentionShape => ({
          kv: { format, pageTokens: 32, heads: 2, keyLength, valueLength },
          group,
          ...plain,
          ...features[(i + j) % features.length],
        }),
      ),
    );

    it('compile for the attention of many models', async () => {
      const build = nodeBuild();
      const sources = new Map(
        [...shapes.map(attention), ...shapes.map(({ kv }) => kvWrite(kv))].map((source) => [source.name, source]),
      );
      const module = await compileKernels(buildOpsModule(sources.values(), build), build);
      expect(WebAssembly.Module.exports(module)).toHaveLength(sources.size);
      expect(sources.size).toBeGreaterThan(shapes.length);
    });
  },
);
