import { nearestName, StarlingError } from '@starling/core';
import { LineCounter, parseDocument, isMap, isScalar, type Document } from 'yaml';
import { fileProblem } from '../system-code.js';

/** More than any configuration needs; what is larger is some other file. */
const MAX_BYTES = 2 ** 20;
/** What editors look for in a file: where its schema is. */
const SCHEMA_KEY = '$schema';

/** What a file says of the settings. */
export interface ConfigFile {
  /** By the names of settings. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Where a setting stands, in words: `"port" in starling.yaml, line 3`. */
  placeOf(name: string): string;
}

/**
 * Reads a configuration file: YAML, and JSON, which is YAML too.
 * @param names settings by their keys in the file
 * @throws StarlingError invalid_argument naming the file, the line and the key
 */
export function readConfigFile(
  file: string,
  names: ReadonlyMap<string, string>,
  readFile: (file: string) => string,
): ConfigFile {
  const wrong = (why: string, cause?: unknown) =>
    new StarlingError('invalid_argument', `config file ${file}: ${why}`, { details: { file }, cause });
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    throw wrong(fileProblem(error), error);
  }
  if (text.length > MAX_BYTES) throw wrong(`it is larger than ${MAX_BYTES} bytes; expected a file of settings`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw wrong(`line ${lines.linePos(problem.pos[0]).line}: ${problem.message}`, problem);
  const content = contentOf(document, wrong);
  const lineOf = linesOf(document, lines);
  const values: Record<string, unknown> = {};
  const keys = new Map<string, string>();
  for (const [key, value] of Object.entries(content)) {
    if (key === SCHEMA_KEY) continue;
    const name = names.get(key.replaceAll('-', '_'));
    if (name === undefined)
      throw wrong(
        `line ${lineOf.get(key)}: unknown key "${key}"; did you mean "${nearestName(key, names.keys())}"? starling config --schema lists all`,
      );
    if (keys.has(name)) throw wrong(`line ${lineOf.get(key)}: "${key}" stands there as "${keys.get(name)}" already`);
    keys.set(name, key);
    // A key without a value says nothing.
    if (value !== null) values[name] = value;
  }
  return { values, placeOf: (name) => `"${keys.get(name)}" in ${file}, line ${lineOf.get(keys.get(name) ?? '')}` };
}

function contentOf(
  document: Document,
  wrong: (why: string, cause?: unknown) => StarlingError,
): Record<string, unknown> {
  let content: unknown;
  try {
    content = document.toJS();
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error), error);
  }
  // A file of comments alone.
  if (content === null) return {};
  if (typeof content !== 'object' || Array.isArray(content))
    throw wrong('expected one mapping of keys to values (in JSON: one object)');
  return content as Record<string, unknown>;
}

/** The lines that keys stand in. */
function linesOf({ contents }: Document, lines: LineCounter): ReadonlyMap<string, number> {
  const pairs = isMap(contents) ? contents.items : [];
  return new Map(
    pairs.flatMap(({ key }) =>
      isScalar(key) && key.range ? [[String(key.value), lines.linePos(key.range[0]).line]] : [],
    ),
  );
}
