import type { AnswerParser } from '@starling/chat';
import type {
  AdapterState,
  BesideModel,
  DonePart,
  EmbedOptions,
  EmbedResult,
  EngineModelInfo,
  LanguageModel,
  ModelStatistics,
} from '@starling/engine';
import type { ModelStore, PullOptions } from '@starling/models/node';
import type { Exemplar } from '@starling/telemetry';
import type { Tracing } from '@starling/telemetry/tracing';
import type { Tokenizer } from '@starling/tokenizer';
import type { KeyRing } from './access/key-ring.js';
import type { Principal } from './access/principal.js';
import type { ResponseStore } from './dialects/openai/responses/response-store.js';
import type { CallerLimiter } from './limits/caller-limiter.js';
import type { Logger } from './log.js';
import type { Hold } from './models/residence.js';
import type { SavedSlots } from './saved/saved-slots.js';
import type { OperatorDefaults } from './operator-defaults.js';

export type { Logger, RequestLog } from './log.js';

/** What the app needs of a loaded model: the engine's, with what the operator said of it. */
export interface ServedModel {
  readonly info: EngineModelInfo;
  readonly defaults: OperatorDefaults;
  /** How tokens are chosen where a request does not say: what its file recommends, and what the operator said. */
  readonly samplerDefaults: LanguageModel['samplerDefaults'];
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
  readonly tokenizer: Tokenizer;
  statistics(): ModelStatistics;
  /** Queues a request. What takes long to prepare is prepared in another thread. */
  generate: BesideModel['generate'];
  encode: BesideModel['encode'];
  decode: BesideModel['decode'];
  /** What requests of a tenant go on from, by name. */
  sessionsOf: LanguageModel['sessionsOf'];
  /** How answers are read back as messages. */
  readonly answerParser: AnswerParser;
  /** What is loaded beside it. */
  adapters(): readonly AdapterState[];
  setAdapterScales: LanguageModel['setAdapterScales'];
  readonly chatTemplate: LanguageModel['chatTemplate'];
  applyTemplate: BesideModel['applyTemplate'];
  countTokens: BesideModel['countTokens'];
  rerank: LanguageModel['rerank'];
  embed(input: readonly (string | ArrayLike<number>)[], options?: EmbedOptions): Promise<EmbedResult>;
}

/** A line of the list of models: a model that is loaded, or one that could be or should have been. */
export interface ModelEntry {
  readonly name: string;
  /** `sleeping`: it gave its memory back; `unloaded`: it was not loaded yet. Both are loaded when somebody asks for them. */
  readonly state: 'loading' | 'ready' | 'failed' | 'draining' | 'sleeping' | 'unloaded';
  readonly source: string;
  /** Hex; undefined while it is not known. */
  readonly sha256?: string;
  readonly loadedAt?: Date;
  /** When it gives its memory back if nobody asks it; undefined: it stays until its memory is wanted. */
  readonly expiresAt?: Date;
  /** Names that requests may call it by, where no model says so itself. */
  readonly aliases?: readonly string[];
  /** What the operator said of its answers, where no model says so itself. */
  readonly defaults?: OperatorDefaults;
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
  /** What a model is called that goes by a name; without one, the first. It may have to be loaded. undefined: there is none. */
  resolve(name?: string): string | undefined;
}

/** What administrators do with models while the server runs. */
export interface ModelAdmin {
  /**
   * Loads a model beside those that are there; settles when it is ready.
   * @param reference a path, a name in the cache folder, a URL, or `hf:owner/repo[:quant]`
   * @throws StarlingError file_not_found, download_failed, conflict if the name is taken, out_of_memory with figures, and what is wrong with the file
   */
  load(reference: string, options?: { readonly name?: string }): Promise<ModelEntry>;
  /** Lets a model end what it has begun, and closes it. @throws StarlingError model_not_loaded */
  unload(name: string): Promise<void>;
  /** Puts a file in the place of a model's: the old one serves until the new one is ready, where memory holds both. @throws what `load` and `unload` throw */
  reload(name: string, reference?: string): Promise<ModelEntry>;
}

/** What a request asks a model for, in the words of OpenTelemetry's conventions. */
export type Operation = 'chat' | 'text_completion' | 'embeddings' | 'rerank';

/** A request whose last byte was handed over. */
export interface FinishedRequest {
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** What it asked of which model, if it got as far. */
  readonly operation?: Operation;
  readonly model?: string;
  /** The code of the error that it ended with. */
  readonly error?: string;
  readonly exemplar?: Exemplar;
}

/** An answer that came to its end. */
export interface FinishedAnswer {
  readonly operation: Operation;
  readonly model: string;
  readonly done: DonePart;
  readonly exemplar?: Exemplar;
}

/** Counts requests, and answers: a request may ask for several. */
export interface RequestObserver {
  requestFinished(request: FinishedRequest): void;
  answerFinished(answer: FinishedAnswer): void;
}

/** Model files of this machine: those that were pulled. */
export type ModelLibrary = Pick<ModelStore, 'list' | 'find' | 'pull' | 'remove'>;

/** How far a download is. */
export type PullProgress = Parameters<NonNullable<PullOptions['onProgress']>>[0];

/** What the server has done since it was started. */
export interface WorkTotals {
  readonly requests: number;
  readonly rejected: number;
  /** Tokens of prompts that were computed. */
  readonly promptTokens: number;
  /** Tokens of prompts that were found in the cache. */
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  /** Milliseconds in which steps were computed. */
  readonly busyMs: number;
}

/** The page of metrics. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

/** How a page of metrics is written: Prometheus's own text, or OpenMetrics. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

/** Metrics under the names of another server. */
export interface ForeignMetrics {
  /** Seconds since 1970 at which it began to count. */
  readonly startedAt: number;
  /** Lines without an end mark. Rates are those since the page before. */
  render(models: ModelDirectory, format: MetricsFormat): string | Promise<string>;
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
  readonly admin: ModelAdmin;
  readonly library: ModelLibrary;
  readonly logger: Logger;
  readonly observer: RequestObserver;
  /** Where traces of requests go; absent: nowhere. */
  readonly tracing?: Tracing;
  readonly metrics: MetricsPage;
  totals(): WorkTotals;
  /** Where the operator asked for them. */
  readonly llamaServerMetrics?: ForeignMetrics;
  readonly vllmMetrics?: ForeignMetrics;
  /** Files of the chat page by path; `/` is the page itself. Empty: no page. */
  readonly page: ReadonlyMap<string, PageFile>;
  /** Files of the documents' site by path, read when they are asked for. Empty: there is none. */
  readonly site: ReadonlyMap<string, () => Promise<PageFile>>;
  /** Who may call, and by what key. */
  readonly keys: KeyRing;
  /** Finds out who calls where a host does so itself, by the environment of the request; it gives undefined for nobody that is known. Absent: keys tell. */
  readonly callerOf?: (env: unknown) => Promise<Principal | undefined>;
  /** How much of it. */
  readonly limiter: CallerLimiter;
  readonly hosts: AppHosts;
  readonly limits: AppLimits;
  readonly features: AppFeatures;
  /** Where callers may save sessions; absent: nowhere. */
  readonly saved?: SavedSlots;
  readonly version: string;
  /** Answers that clients of OpenAI's newer API may go on from. */
  readonly responses: ResponseStore;
  readonly presence: ModelPresence;
  /** True once the process was told to stop: it is not ready then. */
  isStopping(): boolean;
  /** False once it takes no new work. */
  isAccepting(): boolean;
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
}

/** By what names the server may be called. */
export interface AppHosts {
  /** The address that it listens on. */
  readonly bound: string;
  /** Names beside those of the loopback address, where it listens on that. */
  readonly allowed: readonly string[];
  /** Origins of pages that may call: `localhost`, `*`, or whole ones. */
  readonly corsOrigins: readonly string[];
}

export interface AppLimits {
  readonly maxBodyBytes: number;
  /** Silence after which a stream sends a comment line. */
  readonly heartbeatMs: number;
  /** How long a client may take nothing of what is there for it. */
  readonly stallMs: number;
}

/** Whether models are there to be asked: at the start they are being loaded, later they come and go as they are asked for. */
export interface ModelPresence {
  /** Settles when the first model is there, or could not be loaded. */
  settled(): Promise<void>;
  /** Whether the first models are there and warm. */
  isWarm(): boolean;
  /** Whether a model gave its memory back because nobody asked it. */
  isSleeping(): boolean;
  /** Reads anew which models there are to be loaded. */
  refresh(): Promise<void>;
  /**
   * Sees to it that a model is in memory until the returned hold is released; absent: models are loaded by hand alone.
   * @throws StarlingError queue_full, out_of_memory, and what is wrong with its file
   */
  hold?(name: string, signal: AbortSignal): Promise<Hold>;
  /** Lets a model give its memory back as soon as nobody asks it. */
  letGo(name: string): void;
}

/** Routes that the operator can close, or that are closed unless asked for. */
export interface AppFeatures {
  readonly slots: boolean;
  /** Whether `POST /props` answers. */
  readonly props: boolean;
  readonly metrics: boolean;
  /** Whether they are told without a key, where the server asks for keys. */
  readonly openMetrics: boolean;
  /** Whether the chat page may run models in its tab, and so whether their files are given. */
  readonly browserEngine: boolean;
  /** Whether models may be downloaded. */
  readonly downloads: boolean;
  /** Whether `POST /predict` answers, as containers of Vertex AI do. */
  readonly predict: boolean;
  /** Answers of llama-server's routes tell what the prompt was. */
  readonly verbose: boolean;
}
