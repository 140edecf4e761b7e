/**
 * Text that stands around the parts of an answer, as the chat template writes it. Models keep its characters and lose its white space, so
 * that white space is read as any amount of it, and written as that much at most. `ANY_WORD` stands for a number that counts calls or another word that differs from call to
 * call, `TOOL_NAME` for the name of the tool, where it is written twice. What stands between two `LOOSE` is written so, and read as anything that
 * is short. Empty: there is none.
 */
export type Marker = string;

/** Characters that no template writes: they stand for a word in a marker. */
export const ANY_WORD = '\uFDD0';
export const TOOL_NAME = '\uFDD1';
export const LOOSE = '\uFDD2';
export const ARGUMENT_NAME = '\uFDD3';

/** How a model writes an answer: what its chat template shows, as data. */
export interface AnswerFormat {
  /** What the template writes before every answer: an answer is read from behind its last occurrence in the prompt. */
  readonly header: string;
  /** What the prompt begins of every answer behind the header, read first where no prompt is given. */
  readonly begun: string;
  readonly reasoning?: { readonly start: Marker; readonly end: Marker };
  /** Text around content; several ends, because content before a call may end differently. */
  readonly contentStart: Marker;
  readonly contentEnds: readonly Marker[];
  /** Text that ends the turn: models write it out although they should give its token. */
  readonly turnEnd: Marker;
  /** JSON that the model is asked for it puts between the marks of Markdown, by its habit. Default false. */
  readonly fencesJson?: boolean;
  /** The end of a turn and the beginning of the next, where content and calls of one answer are written as two turns. */
  readonly turnJoin?: Marker;
  readonly calls?: CallFormat;
}

/** How calls are written: `sectionStart (callStart body callEnd) separator ... sectionEnd`. */
export interface CallFormat {
  readonly sectionStart: Marker;
  readonly sectionEnd: Marker;
  readonly callStart: Marker;
  readonly callEnd: Marker;
  readonly separator: Marker;
  /** One call a turn at most can be written. */
  readonly isSingle: boolean;
  /** Characters of an id, where the template takes no others. */
  readonly idLength?: number;
  readonly body: CallBody;
}

export type CallBody = JsonBody | NamedJsonBody | TaggedBody | LiteralBody;

/** One JSON object holds name and arguments. */
export interface JsonBody {
  readonly kind: 'json';
  /** The fields in the template's order; they are read in any. None: the name itself is the key of the arguments. */
  readonly fields: readonly JsonField[];
  /** Objects lie in one array. */
  readonly isArray: boolean;
}

/** A field of a call's object; `fixed` ones are the same in every call. */
export type JsonField =
  | { readonly key: string; readonly holds: 'name' | 'arguments' | 'id' }
  | { readonly key: string; readonly holds: 'fixed'; readonly json: string };

/** A name, and arguments as a JSON object behind it. */
export interface NamedJsonBody {
  readonly kind: 'named-json';
  readonly nameEnd: Marker;
  readonly id?: CallId;
}

/** Where the id of a call is written: behind the name and `marker`, before them, or around the name: `functions.NAME:INDEX`. */
export type CallId =
  | { readonly place: 'behind' | 'before'; readonly marker: Marker }
  | { readonly place: 'around'; readonly prefix: string };

/** A name, and each argument between tags: strings as they are, other values as JSON. */
export interface TaggedBody {
  readonly kind: 'tagged';
  readonly nameEnd: Marker;
  readonly argumentStart: Marker;
  readonly valueStart: ValueStart;
  readonly valueEnd: Marker;
  /** White space that the template puts around a value, taken off again; markers around it include it. */
  readonly valuePadding: readonly [before: string, after: string];
  /** What strings stand between that hold characters of markup. */
  readonly valueQuotes?: readonly [before: string, after: string];
}

/** What stands between an argument's name and its value. With `words`, the one between tells the type of the value. */
export interface ValueStart {
  readonly before: Marker;
  readonly after: Marker;
  readonly words?: ValueWords;
}

/** The types of JSON values. */
export type JsonType = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';

/** Words by the JSON type of a value. */
export type ValueWords = Readonly<Record<JsonType, string>>;

/** A name and `key separator literal` pairs, as in a Python call; strings stand between quotes. */
export interface LiteralBody {
  readonly kind: 'literal';
  readonly nameEnd: Marker;
  readonly keyEnd: Marker;
  readonly argumentSeparator: Marker;
  /** The model's own quote; the quotes of JSON and Python are read everywhere. */
  readonly quote: string;
  /** Nothing is escaped between the model's own quotes: a string ends at the quote that what may follow stands behind. */
  readonly isVerbatim: boolean;
}

/**
 * Whether reasoning may come before an answer: `open`: the prompt has begun it; `allowed`: it may be begun; `closed`: there is none, or the
 * prompt has ended it.
 */
export type ReasoningStart = 'open' | 'allowed' | 'closed';
