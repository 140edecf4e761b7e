/** The shape of a llama-architecture model. */
export interface Shape {
  readonly layers: number;
  readonly width: number;
  readonly ffn: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
  readonly tied: boolean;
}

/** The shapes that docs/performance.md reports. */
export const SHAPES = {
  '1.24B': { layers: 16, width: 2048, ffn: 8192, heads: 32, kvHeads: 8, vocabulary: 128_256, tied: true },
  // A tenth of the first, with its vocabulary: to draft for it.
  '124M': { layers: 16, width: 512, ffn: 2048, heads: 8, kvHeads: 2, vocabulary: 128_256, tied: true },
  '135M': { layers: 30, width: 576, ffn: 1536, heads: 9, kvHeads: 3, vocabulary: 49_152, tied: true },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;
