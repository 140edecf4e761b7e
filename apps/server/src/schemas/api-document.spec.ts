import fs from 'node:fs';
import path from 'node:path';
import { DEFAULT_SAMPLER_PARAMS } from '@starling/sampler';
import { SAMPLING_NAMES } from '../dialects/sampling.js';
import { generateSchema } from '../dialects/native/generate-schema.js';
import {
  closeSessionSchema,
  forkSessionSchema,
  rewindSessionSchema,
  updateSessionSchema,
} from '../dialects/native/sessions-schema.js';
import { detokenizeSchema, tokenizeSchema } from '../dialects/native/tokenize-schema.js';

const text = fs.readFileSync(path.join(import.meta.dirname, '../../../../docs/api.md'), 'utf8');

/** The rows of the table of a route's fields. */
function documented(route: string): string[][] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`\`POST ${route}\``));
  const table = section?.split('\n\n').find((part) => part.startsWith('| field | values |'));
  return (table ?? '')
    .split('\n')
    .slice(2)
    .filter((line) => line !== '')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const nameIn = ([cell]: string[]) => cell.replaceAll('`', '');

describe('the document of the API', () => {
  it.each([
    ['/v1/generate', Object.keys(generateSchema.pipe[0].entries)],
    ['/v1/session/close', Object.keys(closeSessionSchema.entries)],
    ['/v1/session/fork', Object.keys(forkSessionSchema.entries)],
    ['/v1/session/rewind', Object.keys(rewindSessionSchema.entries)],
    ['/v1/session/update', Object.keys(updateSessionSchema.entries)],
    ['/v1/tokenize', Object.keys(tokenizeSchema.entries)],
    ['/v1/detokenize', Object.keys(detokenizeSchema.entries)],
  ])('names each field of %s, once, and no other', (route, fields) => {
    expect(fields.length).toBeGreaterThan(1);
    expect(documented(route).map(nameIn).sort()).toEqual([...fields].sort());
  });

  it('tells the defaults of sampling as they are', () => {
    const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_SAMPLER_PARAMS };
    const rows = documented('/v1/generate').filter((row) => nameIn(row) in SAMPLING_NAMES);
    const wrong = rows.filter((row) => {
      const value = defaults[SAMPLING_NAMES[nameIn(row) as keyof typeof SAMPLING_NAMES]];
      return typeof value === 'number' && row[2].split(':')[0] !== String(value);
    });
    expect(rows.length).toBeGreaterThan(20);
    expect(wrong.map((row) => [nameIn(row), row[2]])).toEqual([]);
  });
});
