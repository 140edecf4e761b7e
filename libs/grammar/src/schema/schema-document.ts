import { isStarlingError, type StarlingError } from '@starling/core';
import { grammarError, LIMITS, limitError } from '../limits.js';
import { DATA_ANNOTATIONS } from './annotations.table.js';
import { checkSchemaValues } from './check-values.js';

/** A JSON object, as parsed. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** One subschema of a document. */
export interface SchemaNode {
  readonly id: number;
  /** JSON pointer from the root of the document; empty for the root. */
  readonly pointer: string;
  readonly value: boolean | JsonObject;
}

/** A schema with a URI of its own: the document, and each subschema with `$id`. */
interface Resource {
  readonly uri: string;
  readonly pointer: string;
  /** Pointers of the subschemas with `$anchor` or `$dynamicAnchor`, by name. */
  readonly anchors: Map<string, string>;
}

/** Keywords whose values are data, not schemas. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['enum', 'const', ...DATA_ANNOTATIONS]);
/** Where relative references of a document without `$id` start. */
const NO_BASE = 'schema://document/';

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of places in messages, more characters than this are left out: `details.path` has all. */
const SHOWN_PATH = 200;

function shownPath(path: string): string {
  return path.length > SHOWN_PATH ? `...${path.slice(-SHOWN_PATH)}` : path || '/';
}

/** A refusal that names the keyword's place in the schema. */
export function refuse(
  node: SchemaNode,
  keyword: string,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
): StarlingError {
  const path = keyword === '' ? node.pointer : `${node.pointer}/${escapePointer(keyword)}`;
  return grammarError(`JSON Schema at ${shownPath(path)}: ${problem}`, { path, keyword, ...details });
}

/** Runs a step and adds the keyword's place to what it refuses, unless a place is known already. */
export function placed<T>(node: SchemaNode, keyword: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isStarlingError(error, 'invalid_grammar') || 'path' in error.details) throw error;
    throw refuse(node, keyword, error.message, error.details);
  }
}

function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A schema document: its subschemas by place, and what its references point to. References outside of it are refused. */
export class SchemaDocument {
  readonly root: SchemaNode;
  readonly #value: unknown;
  readonly #nodes = new Map<string, SchemaNode>();
  /** By the pointers where they begin, and by their URIs. */
  readonly #resources = new Map<string, Resource>();
  readonly #byUri = new Map<string, Resource>();
  readonly #dynamicAnchors = new Map<string, number>();
  #visited = 0;

  /** @throws StarlingError invalid_grammar */
  constructor(schema: unknown) {
    checkSchemaValues(schema);
    this.#value = schema;
    this.root = this.#nodeAt('', schema);
    this.#index(schema, '', this.#addResource(NO_BASE, ''));
  }

  /** The subschema at a keyword, or below it. */
  child(parent: SchemaNode, ...path: readonly (string | number)[]): SchemaNode {
    let value: unknown = parent.value;
    let pointer = parent.pointer;
    for (const key of path) {
      value = (value as JsonObject)[key];
      pointer += `/${escapePointer(String(key))}`;
    }
    return this.#nodeAt(pointer, value);
  }

  /** The subschema that `$ref` (or `$dynamicRef`) of a node points to. */
  resolve(from: SchemaNode, keyword: '$ref' | '$dynamicRef' | '$recursiveRef'): SchemaNode {
    const reference = (from.value as JsonObject)[keyword];
    if (typeof reference !== 'string') throw refuse(from, keyword, 'expected a URI reference');
    const base = this.#resourceOf(from.pointer);
    const [uri, fragment = ''] = reference.split('#', 2);
    const resource = uri === '' ? base : this.#byUri.get(absolute(uri, base.uri));
    if (!resource)
      throw refuse(
        from,
        keyword,
        `${shownPath(reference)} is outside of this document; put what it refers to under $defs`,
      );
    const name = decode(fragment);
    if (keyword !== '$ref' && (this.#dynamicAnchors.get(name) ?? 0) > 1)
      throw refuse(from, keyword, `${shownPath(reference)} depends on how it was reached, which cannot be enforced`);
    if (name === '' || name.startsWith('/')) return this.#follow(resource.pointer + name, from, keyword);
    const anchor = resource.anchors.get(name);
    if (anchor === undefined)
      throw refuse(from, keyword, `${shownPath(reference)} names an anchor that is not in the document`);
    return this.#follow(anchor, from, keyword);
  }

  #follow(pointer: string, from: SchemaNode, keyword: string): SchemaNode {
    let value = this.#value;
    for (const part of pointer.split('/').slice(1)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const found = (isJsonObject(value) || Array.isArray(value)) && Object.hasOwn(value, key);
      if (!found) throw refuse(from, keyword, `nothing is at ${shownPath(pointer)}`);
      value = (value as JsonObject)[key];
    }
    return this.#nodeAt(pointer, value);
  }

  #nodeAt(pointer: string, value: unknown): SchemaNode {
    let node = this.#nodes.get(pointer);
    if (!node) {
      node = { id: this.#nodes.size, pointer, value: value as boolean | JsonObject };
      if (typeof value !== 'boolean' && !isJsonObject(value))
        throw refuse(node, '', 'expected a schema: an object, true or false');
      this.#nodes.set(pointer, node);
    }
    return node;
  }

  #addResource(uri: string, pointer: string): Resource {
    const resource = { uri, pointer, anchors: new Map<string, string>() };
    this.#resources.set(pointer, resource);
    // Of several with one URI, the first is meant.
    if (!this.#byUri.has(uri)) this.#byUri.set(uri, resource);
    return resource;
  }

  /** Finds `$id` and anchors wherever a schema may be. */
  #index(value: unknown, pointer: string, resource: Resource): void {
    if (typeof value !== 'object' || value === null) return;
    if (++this.#visited > LIMITS.schemaNodes) throw limitError('schemaNodes', 'values in the schema');
    let inner = resource;
    if (isJsonObject(value)) {
      const id = value.$id;
      if (typeof id === 'string' && !id.startsWith('#')) {
        inner = this.#addResource(absolute(id, resource.uri), pointer);
      }
      const anchors = [
        value.$anchor,
        value.$dynamicAnchor,
        typeof id === 'string' && id.startsWith('#') ? id.slice(1) : undefined,
      ];
      for (const name of anchors) if (typeof name === 'string') inner.anchors.set(name, pointer);
      const dynamic = value.$recursiveAnchor === true ? '' : value.$dynamicAnchor;
      if (typeof dynamic === 'string') this.#dynamicAnchors.set(dynamic, (this.#dynamicAnchors.get(dynamic) ?? 0) + 1);
    }
    for (const [key, child] of Object.entries(value))
      if (!DATA_KEYWORDS.has(key)) this.#index(child, `${pointer}/${escapePointer(key)}`, inner);
  }

  /** The innermost resource that a place lies in. */
  #resourceOf(pointer: string): Resource {
    for (let at = pointer; ; at = at.slice(0, at.lastIndexOf('/'))) {
      const resource = this.#resources.get(at);
      if (resource !== undefined) return resource;
    }
  }
}

function absolute(reference: string, base: string): string {
  try {
    const url = new URL(reference, base);
    url.hash = '';
    return url.href;
  } catch {
    return reference;
  }
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
