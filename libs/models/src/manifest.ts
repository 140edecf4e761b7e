/** What is known of a file in the cache folder. */
export interface FileManifest {
  /** Hex. */
  readonly sha256: string;
  readonly size: number;
  /** Where it came from: a URL. */
  readonly source: string;
  /** When it was complete, ISO 8601. */
  readonly time: string;
}

/** Reads a manifest's text; undefined if it is none (cut, foreign, of wrong types). */
export function parseManifest(text: string): FileManifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { sha256, size, source, time } = value as Record<string, unknown>;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  if (typeof source !== 'string' || typeof time !== 'string') return undefined;
  return { sha256, size, source, time };
}
