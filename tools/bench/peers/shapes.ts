/** The shape of a llama-architecture model. */
export interface Shape {
  readonly layers: number;
  readonly width: number;
  /** Of the feed-forward blocks; with experts, of each. */
  readonly ffn: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
  readonly tied: boolean;
  /** Experts in place of each feed-forward block, and how many of them a token goes through. */
  readonly experts?: { readonly count: number; readonly used: number };
}

/** The shapes that docs/performance.md reports. */
export const SHAPES = {
  '1.24B': { layers: 16, width: 2048, ffn: 8192, heads: 32, kvHeads: 8, vocabulary: 128_256, tied: true },
  // A tenth of the first, with its vocabulary: to draft for it.
  '124M': { layers: 16, width: 512, ffn: 2048, heads: 8, kvHeads: 2, vocabulary: 128_256, tied: true },
  '135M': { layers: 30, width: 576, ffn: 1536, heads: 9, kvHeads: 3, vocabulary: 49_152, tied: true },
  // A mixture of experts of 1.9 B parameters, 0.4 B of which a token reads.
  MoE: {
    layers: 24,
    width: 1024,
    ffn: 384,
    heads: 16,
    kvHeads: 4,
    vocabulary: 49_152,
    tied: true,
    experts: { count: 64, used: 8 },
  },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;
