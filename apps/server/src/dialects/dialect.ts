import type * as v from 'valibot';
import type { Access, Principal } from '../access/principal.js';
import type { KeyRing } from '../access/key-ring.js';
import type { ResponseStore } from './openai/responses/response-store.js';
import type {
  AppFeatures,
  ForeignMetrics,
  MetricsPage,
  ModelAdmin,
  ModelDirectory,
  ModelLibrary,
  ModelPresence,
  WorkTotals,
} from '../parts.js';
import type { SavedSlots } from '../saved/saved-slots.js';
import type { ErrorFacts, ErrorTable } from '../serving/error-reply.js';

/**
 * One API that clients speak: its routes, and its words. A route parses a body to the engine's request, and turns the engine's parts into
 * events and a final body; keys, roles, limits, cancellation, streaming, usage, logging and the catching of errors are shared by all
 * (`serving/`). A dialect is a folder; the list of them stands in `all.ts`.
 */
export interface Dialect {
  readonly name: string;
  /** Whose API it is, and what its streams look like: for the document of the API. */
  readonly description: string;
  /** What paths of this API begin with, for errors of paths that no route takes; absent where paths tell nothing. */
  readonly prefixes?: readonly string[];
  /** HTTP statuses and the API's words by our codes. */
  readonly errors: ErrorTable;
  /** The body of an error in the API's shape; also what its streams end with. */
  errorBody(facts: ErrorFacts): object;
  /** What `errorBody` gives. */
  readonly errorSchema: BodySchema;
  /** The name of the event that carries an error in a stream of server-sent events; absent: it has none. */
  readonly errorEvent?: string;
  /** Fields of the API for the engine's parameters; those not named are called as in our own API. */
  readonly fieldNames?: Readonly<Record<string, string>>;
  /** A header in which the API has the request's id, beside `x-request-id`. */
  readonly requestIdHeader?: string;
  /** Whether bodies need no `content-type`: the API's own documents send none. */
  readonly takesUntypedBodies?: boolean;
  readonly endpoints: readonly Endpoint[];
}

/** A route, under one path or several. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** A path may hold parameters: `/v1/responses/:id`. */
  readonly paths: readonly string[];
  readonly access: Access;
  /** It tells what is known, or does what it does to the server itself: no model is loaded for it. */
  readonly isQuiet?: boolean | ((body: unknown) => boolean);
  /** How long its model shall stay without a request, in milliseconds, where the body says so. */
  keepAlive?(body: unknown): number | undefined;
  /** One line for the document of the API. */
  readonly summary: string;
  /** Parameters of the address behind the question mark, with what each says. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What the body must be; absent: it is not read. */
  readonly body?: BodySchema;
  /** Whether there may be no body: it is then an object without fields. */
  readonly bodyIsOptional?: boolean;
  /** Such a body, for the document of the API. */
  readonly example?: unknown;
  /** Its JSON answer, for the document of the API; absent: it has none. */
  readonly answer?: BodySchema;
  /** How it answers, for the document of the API: `events` and `lines` where it streams, beside one JSON body for those that do not ask. Default: one JSON body. */
  readonly answers?: 'json' | 'events' | 'lines' | 'text' | 'file';
  handle(call: Call<unknown>): Reply | Promise<Reply>;
}

export type BodySchema = v.GenericSchema;

/** One request as its route sees it: checked, allowed, and counted. */
export interface Call<Body> {
  readonly body: Body;
  /** The models that the caller may use. What is asked of them is the caller's: tenant, weight and limits are seen to, and it ends when the client goes. */
  readonly models: ModelDirectory;
  readonly principal: Principal;
  readonly server: ServerFacts;
  readonly requestId: string;
  /** When it came, and when its model was there, by the server's clock. */
  readonly receivedAt: number;
  readonly modelAt: number;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** A header of the request. */
  header(name: string): string | undefined;
  /** A parameter of the address, behind the question mark. */
  query(name: string): string | undefined;
  /** A parameter of the path. */
  param(name: string): string;
}

/** What routes tell of the server itself. */
export interface ServerFacts {
  readonly version: string;
  readonly library: ModelLibrary;
  readonly metrics: MetricsPage;
  readonly admin: ModelAdmin;
  totals(): WorkTotals;
  readonly keys: Pick<KeyRing, 'nameOf'>;
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
  readonly responses: ResponseStore;
  readonly features: AppFeatures;
  /** Where callers may save sessions; absent: nowhere. */
  readonly saved?: SavedSlots;
  readonly presence: Pick<ModelPresence, 'isSleeping' | 'letGo'>;
  readonly llamaServerMetrics?: ForeignMetrics;
  readonly vllmMetrics?: ForeignMetrics;
}

/** An event of a stream: what is sent as JSON, a text that stands for itself (`[DONE]`), or JSON text in pieces. */
export interface StreamEvent {
  /** Its name, where the API has named events. */
  readonly event?: string;
  readonly data: object | string | Iterable<string>;
}

/** What a route answers. */
export type Reply =
  | { readonly kind: 'json'; readonly body: unknown }
  | {
      readonly kind: 'text';
      readonly body: string;
      readonly contentType: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A file of this machine, or a range of it. Nobody is told where it lies; it is for pages of this server alone. */
  | { readonly kind: 'file'; readonly path: string }
  /** A body of JSON that may be long, in pieces: none is made before the one ahead of it was taken. */
  | { readonly kind: 'pieces'; readonly pieces: Iterable<string> }
  /** Server-sent events, or lines of JSON. Nothing of it is made before its reader asks; what it throws becomes its last event. */
  | { readonly kind: 'stream'; readonly framing: 'events' | 'lines'; readonly events: AsyncIterable<StreamEvent> };

export const json = (body: unknown): Reply => ({ kind: 'json', body });
export const pieces = (text: Iterable<string>): Reply => ({ kind: 'pieces', pieces: text });
export const events = (stream: AsyncIterable<StreamEvent>): Reply => ({
  kind: 'stream',
  framing: 'events',
  events: stream,
});
export const lines = (stream: AsyncIterable<StreamEvent>): Reply => ({
  kind: 'stream',
  framing: 'lines',
  events: stream,
});

interface EndpointWithBody<Schema extends BodySchema> extends Omit<Endpoint, 'body' | 'example' | 'handle'> {
  readonly body: Schema;
  readonly example: v.InferInput<Schema>;
  handle(call: Call<v.InferOutput<Schema>>): Reply | Promise<Reply>;
}

/** An endpoint whose handler knows its body by the schema. */
export function endpoint<Schema extends BodySchema>(parts: EndpointWithBody<Schema>): Endpoint {
  return parts;
}
