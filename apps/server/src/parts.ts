import type { EngineModelInfo, GenerateRequest, Generation, ModelStatistics } from '@starling/engine';
import type { Tokenizer } from '@starling/tokenizer';

/** What the app needs of a loaded model; the engine's Starling fits. */
export interface ServedModel {
  readonly info: EngineModelInfo;
  readonly tokenizer: Tokenizer;
  statistics(): ModelStatistics;
  generate(request: GenerateRequest): Generation;
}

/** A line of the list of models: a model that is loaded, or one that could be or should have been. */
export interface ModelEntry {
  readonly name: string;
  readonly state: 'loading' | 'ready' | 'failed' | 'draining';
  readonly source: string;
  /** Hex; undefined while it is not known. */
  readonly sha256?: string;
  readonly loadedAt?: Date;
  readonly model?: ServedModel;
}

/** The models of the process. */
export interface ModelDirectory {
  /**
   * The model that a request names; without a name, the first.
   * @throws StarlingError model_not_loaded
   */
  pick(name?: string): ServedModel;
  list(): readonly ModelEntry[];
}

/** Writes log lines: facts first, then a short text. */
export interface RequestLog {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

export interface Logger extends RequestLog {
  /** A log whose lines carry these facts too. */
  child(facts: Record<string, unknown>): RequestLog;
}

/** Counts requests. */
export interface RequestObserver {
  requestFinished(request: { readonly route: string; readonly status: number; readonly durationMs: number }): void;
}

/** The page of metrics. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

/** A file of the chat page. */
export interface PageFile {
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Quoted, as the header has it. */
  readonly etag: string;
}

/** Everything that the app is put together from. */
export interface AppParts {
  readonly models: ModelDirectory;
  readonly logger: Logger;
  readonly observer: RequestObserver;
  readonly metrics: MetricsPage;
  /** Files of the chat page by path; `/` is the page itself. Empty: no page. */
  readonly page: ReadonlyMap<string, PageFile>;
  /** Keys of which clients must send one; empty: no key is asked for. */
  readonly apiKeys: readonly string[];
  readonly limits: AppLimits;
  readonly version: string;
  /** False once the process is going to stop: new work is refused then. */
  isAccepting(): boolean;
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
}

export interface AppLimits {
  readonly maxBodyBytes: number;
  /** Silence after which a stream sends a comment line. */
  readonly heartbeatMs: number;
}
