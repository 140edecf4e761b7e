import fs from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as v from 'valibot';
import { configFileSchema } from '../file-schema.js';
import { fileKey, SOURCE_SCHEMA } from '../resolve-config.js';
import { SETTINGS } from '../settings.js';
import { configurationDocuments } from './configuration-page.js';

describe('the documents of the configuration', () => {
  it.each([...configurationDocuments()].map(([file, text]) => [path.basename(file), file, text]))(
    '%s is as `npm run docs` writes it',
    (_, file, text) => {
      expect(fs.readFileSync(file, 'utf8')).toBe(text);
    },
  );

  it('take for each setting nothing that the server refuses, and its default', () => {
    const { properties = {}, ...rest } = configFileSchema();
    const ajv = new Ajv2020({ strict: false });
    const isFile = ajv.compile({ ...rest, properties });
    const candidates = [
      -2,
      -1,
      0,
      0.5,
      1,
      7,
      2 ** 20,
      2 ** 31,
      1e15,
      true,
      false,
      '',
      ' ',
      'x',
      'on',
      '8G',
      '1.5GiB',
      '3-7',
      '12+1',
      'a.gguf:2',
      'top_k',
      'info',
      'q8_0',
      [],
      ['x'],
      ['12+1', '3-inf'],
      ['a,b'],
      [3, 7],
      [''],
      {},
      { a: 1 },
    ];
    let taken = 0;
    for (const name of Object.keys(SETTINGS).filter((one) => one !== 'config')) {
      const key = fileKey(name);
      const usual = (properties[key] as { default?: unknown }).default;
      if (usual !== undefined) expect([key, isFile({ [key]: usual })]).toEqual([key, true]);
      for (const value of candidates) {
        // Names of stages, and which layer comes first, have no words in a schema.
        if (!isFile({ [key]: value }) || key === 'samplers') continue;
        taken++;
        expect([key, value, v.safeParse(SOURCE_SCHEMA, { [name]: value }).success]).toEqual([key, value, true]);
      }
    }
    expect(taken).toBeGreaterThan(300);
    expect(isFile({ prot: 1 })).toBe(false);
  });
});
