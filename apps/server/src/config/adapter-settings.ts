import type { AdapterOptions } from '@starling/engine';
import * as v from 'valibot';
import { flag, readBy, readTexts, valueOf, type Setting, type ValueOf } from './setting-values.js';

/** A file of an adapter, and how much of it is added where a request does not say. */
export interface ScaledFile {
  readonly file: string;
  readonly scale: number;
}

/** `FILE`, `FILE:SCALE`, and several of those with commas between. */
const scaledFiles = readTexts(
  'FILE or FILE:SCALE, or several with commas between',
  /^\s*[^\s,][^,]*(,\s*[^\s,][^,]*)*$/,
  (list): readonly ScaledFile[] | undefined => {
    const files = list.split(',').map((item) => {
      const [, file = item, scale] = /^(.+):([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.exec(item.trim()) ?? [];
      return { file: file.trim(), scale: scale === undefined ? 1 : Number(scale) };
    });
    return files.some(({ file }) => file === '') ? undefined : files;
  },
);

const layerRange = valueOf(
  v.pipe(
    v.unknown(),
    readBy('FIRST-LAST, layers from 1 on', (value: unknown): readonly [first: number, last: number] | undefined => {
      const [first, last] = (
        typeof value === 'string' ? value.split('-') : Array.isArray(value) ? (value as unknown[]) : []
      ).map(Number);
      return Number.isInteger(first) && Number.isInteger(last) && first >= 1 && first <= last
        ? [first, last]
        : undefined;
    }),
  ),
  {
    anyOf: [
      { type: 'string', pattern: String.raw`^\d+-\d+$` },
      { type: 'array', items: { type: 'integer', minimum: 1 }, minItems: 2, maxItems: 2 },
    ],
  },
);

/** What `serve` can be told of adapters, in llama-server's words. They are those of the first model. */
export const ADAPTER_SETTINGS = {
  lora: {
    flag: 'lora',
    placeholder: 'FILE[:SCALE]',
    repeatable: true,
    help: 'a LoRA file (GGUF) to load beside the first model; several with commas between, or given several times',
    default: [],
    value: scaledFiles,
  },
  loraInitWithoutApply: {
    flag: 'lora-init-without-apply',
    help: 'add nothing of the LoRA files unless a request or POST /lora-adapters says so',
    default: false,
    value: flag,
  },
  controlVector: {
    flag: 'control-vector',
    placeholder: 'FILE[:SCALE]',
    repeatable: true,
    help: 'a file of control vectors (GGUF) to load beside the first model; several likewise',
    default: [],
    value: scaledFiles,
  },
  controlVectorLayerRange: {
    flag: 'control-vector-layer-range',
    placeholder: 'FIRST-LAST',
    help: 'layers that control vectors are added to (default: all that they have a direction for)',
    value: layerRange,
  },
} as const satisfies Record<string, Setting>;

export type AdapterConfig = {
  readonly [Name in keyof typeof ADAPTER_SETTINGS]: ValueOf<(typeof ADAPTER_SETTINGS)[Name]>;
};

/** The adapters of the first model. Files that are given twice are told apart by their number. */
export function adaptersOf({
  lora,
  loraInitWithoutApply,
  controlVector,
  controlVectorLayerRange,
}: AdapterConfig): AdapterOptions[] {
  return [
    ...lora
      .flat()
      .map(({ file, scale }, i) => ({ source: file, id: `lora ${i}`, scale: loraInitWithoutApply ? 0 : scale })),
    ...controlVector.flat().map(({ file, scale }, i) => ({
      source: file,
      id: `control vector ${i}`,
      scale,
      layers: controlVectorLayerRange,
    })),
  ];
}
