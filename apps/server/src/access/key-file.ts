import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { messageOf, StarlingError } from '@starling/core';
import * as v from 'valibot';
import { fileProblem } from '../system-code.js';
import { givenKey } from './given-keys.js';
import { digestOf, type KnownKey } from './key-ring.js';
import { ROLES, TOP_PRIORITY } from './principal.js';

/** A key as its file has it: no key can be told from its digest. */
const entrySchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[\w.@-]{1,64}$/, 'a name has 1 to 64 letters, digits and . _ @ -')),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a digest has 64 hexadecimal digits')),
  role: v.picklist(ROLES),
  weight: v.optional(v.pipe(v.number(), v.finite(), v.gtValue(0), v.maxValue(1000)), 1),
  priority: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(-TOP_PRIORITY), v.maxValue(TOP_PRIORITY))),
  models: v.optional(v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1))),
  rpm: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  tpm: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  concurrency: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  created: v.optional(v.string()),
});
const fileSchema = v.strictObject({ version: v.literal(1), keys: v.array(entrySchema) });

export type KeyEntry = v.InferOutput<typeof entrySchema>;
export type NewKey = Omit<v.InferInput<typeof entrySchema>, 'sha256' | 'created'>;

/** What keys of ours begin with, so that tools that look for lost keys find them. */
const PREFIX = 'sk-starling-';
/** Bytes of chance in a key. */
const KEY_BYTES = 32;

/** The entries of a file; none if it is not there. @throws StarlingError invalid_argument if it is no file of keys */
export function readEntries(file: string): readonly KeyEntry[] {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw broken(file, fileProblem(error), error);
  }
  return parseEntries(text, file);
}

/** A new key: it is returned this once, and only its digest is stored. @throws StarlingError conflict for a name that is taken, invalid_argument for a value out of range */
export function addKey(file: string, key: NewKey): string {
  const entries = readEntries(file);
  if (entries.some(({ name }) => name === key.name)) {
    throw new StarlingError(
      'conflict',
      `${file} has a key of the name "${key.name}": revoke it first, or choose another name`,
      { details: { file, name: key.name } },
    );
  }
  const text = PREFIX + randomBytes(KEY_BYTES).toString('base64url');
  const result = v.safeParse(entrySchema, {
    ...key,
    sha256: digestOf(text).toString('hex'),
    created: new Date().toISOString(),
  });
  if (!result.success)
    throw new StarlingError(
      'invalid_argument',
      `${v.getDotPath(result.issues[0]) ?? 'key'}: ${result.issues[0].message}`,
    );
  writeEntries(file, [...entries, result.output]);
  return text;
}

/** Takes a key out. @throws StarlingError not_found */
export function revokeKey(file: string, name: string): void {
  const entries = readEntries(file);
  const rest = entries.filter((entry) => entry.name !== name);
  if (rest.length === entries.length)
    throw new StarlingError('not_found', `${file} has no key of the name "${name}"`, { details: { file, name } });
  writeEntries(file, rest);
}

/**
 * The keys of a file: entries as `starling keys` writes them, or one key a line in full, each a user's (empty lines and lines that start with # are left out).
 * @throws StarlingError invalid_argument telling what is wrong, without showing a key
 */
export function readKnownKeys(file: string): readonly KnownKey[] {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw broken(file, fileProblem(error), error);
  }
  return text.trimStart().startsWith('{') ? parseEntries(text, file).map(knownKey) : plainKeys(text, file);
}

function knownKey({ name, sha256, role, weight, priority, models, rpm, tpm, concurrency }: KeyEntry): KnownKey {
  return {
    digest: Buffer.from(sha256, 'hex'),
    principal: {
      name,
      // Not the name: a key that gets the name of one that was revoked is somebody else's.
      tenant: sha256,
      role,
      weight,
      maxPriority: priority ?? (role === 'admin' ? TOP_PRIORITY : 0),
      ...(models !== undefined && { models }),
      limits: {
        ...(rpm !== undefined && { requestsPerMinute: rpm }),
        ...(tpm !== undefined && { tokensPerMinute: tpm }),
        ...(concurrency !== undefined && { concurrency }),
      },
    },
  };
}

function plainKeys(text: string, file: string): KnownKey[] {
  const keys = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0) throw broken(file, 'it holds no key, so nobody could use the server');
  const spaced = keys.findIndex((key) => /\s/.test(key));
  if (spaced >= 0) throw broken(file, `key ${spaced + 1} has white space in it`);
  return keys.map((key, i) => givenKey(key, 'user', `${path.basename(file)}:${i + 1}`));
}

function parseEntries(text: string, file: string): readonly KeyEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(file, messageOf(error), error);
  }
  const result = v.safeParse(fileSchema, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw broken(file, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const names = new Set<string>();
  for (const { name } of result.output.keys) {
    if (names.has(name)) throw broken(file, `two keys have the name "${name}"`);
    names.add(name);
  }
  return result.output.keys;
}

/** Whole or not at all, and readable by its owner alone: a server reads it while it is written. */
function writeEntries(file: string, keys: readonly KeyEntry[]): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    fs.writeFileSync(temporary, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`, { mode: 0o600 });
    fs.renameSync(temporary, file);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw broken(file, fileProblem(error), error);
  }
}

function broken(file: string, why: string, cause?: unknown): StarlingError {
  return new StarlingError('invalid_argument', `API keys file ${file}: ${why}`, { details: { file }, cause });
}
