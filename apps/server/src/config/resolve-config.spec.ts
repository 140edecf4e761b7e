import { isStarlingError } from '@starling/core';
import { resolveConfig, type ConfigSources } from './resolve-config.js';

const resolve = (sources: Partial<ConfigSources> & { readonly files?: Record<string, string> }) =>
  resolveConfig({
    flags: {},
    environment: {},
    readFile: (file) => {
      const text = sources.files?.[file];
      if (text === undefined) throw new TypeError(`no such file: ${file}`);
      return text;
    },
    ...sources,
  });

function messageFrom(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(isStarlingError(error, 'invalid_argument')).toBe(true);
    return (error as Error).message;
  }
  return 'nothing was thrown';
}

describe('the configuration', () => {
  it('is the defaults where nothing is said', () => {
    expect(resolve({})).toMatchObject({
      model: [],
      host: '127.0.0.1',
      port: 8080,
      apiKeys: [],
      logLevel: 'info',
      deterministic: false,
    });
  });

  it('takes flag before environment before file before default', () => {
    const files = { 'c.json': '{"port": 3, "host": "127.0.0.3", "threads": 5, "deterministic": true}' };
    const environment = {
      STARLING_PORT: '2',
      STARLING_HOST: '127.0.0.2',
      STARLING_CONFIG: 'c.json',
      STARLING_LOG_LEVEL: '',
    };
    expect(resolve({ files, environment, flags: { port: '1' } })).toMatchObject({
      port: 1,
      host: '127.0.0.2',
      threads: 5,
      deterministic: true,
      logLevel: 'info',
    });
  });

  it('refuses wrong values wherever they stand, also overridden ones, naming the source', () => {
    expect(messageFrom(() => resolve({ flags: { port: '80a' } }))).toBe(
      '--port: expected an integer from 0 to 65535, received "80a"',
    );
    expect(
      messageFrom(() => resolve({ flags: { port: 1 }, environment: { STARLING_PORT: 'tcp://10.0.0.1:80' } })),
    ).toContain('STARLING_PORT');
    expect(messageFrom(() => resolve({ environment: { STARLING_DETERMINISTIC: 'maybe' } }))).toContain(
      'expected true or false',
    );
    expect(messageFrom(() => resolve({ environment: { STARLING_LOG_LEVEL: 'loud' } }))).toContain('debug, info, warn');
    expect(messageFrom(() => resolve({ flags: { config: 'c.json' }, files: { 'c.json': '{"threads": 0}' } }))).toBe(
      '"threads" in c.json, line 1: expected an integer from 1 to 256, received 0',
    );
  });

  it('refuses all that is wrong at once, in the words of each source', () => {
    const files = { 'c.yaml': 'threads: 0\nallowed_host: [a, 3]\n' };
    expect(messageFrom(() => resolve({ files, flags: { config: 'c.yaml', port: 'x' } }))).toBe(
      '"threads" in c.yaml, line 1: expected an integer from 1 to 256, received 0; "allowed_host" in c.yaml, line 2, item 2: expected a text that is not empty, received 3; --port: expected an integer from 0 to 65535, received "x"',
    );
  });

  it('refuses a config file that is missing, neither JSON nor YAML, or has keys that nobody knows, naming line and key', () => {
    const withFile = (text: string) => () => resolve({ flags: { config: 'c.json' }, files: { 'c.json': text } });
    expect(messageFrom(() => resolve({ flags: { config: 'gone.json' } }))).toContain('config file gone.json');
    expect(messageFrom(withFile('{'))).toContain('config file c.json: line 1');
    expect(messageFrom(withFile('[]'))).toContain('expected one mapping');
    expect(messageFrom(withFile('port: 1\nprot: 1'))).toBe(
      'config file c.json: line 2: unknown key "prot"; did you mean "port"? starling config --schema lists all',
    );
    expect(messageFrom(withFile('{"port": 1,\n"port": 2}'))).toContain('line 2');
    expect(messageFrom(withFile('ctx-size: 1\nctx_size: 2'))).toContain(
      '"ctx_size" stands there as "ctx-size" already',
    );
    expect(messageFrom(withFile('host: *nobody'))).toContain('nobody');
    expect(messageFrom(withFile('host: !!js/function x'))).toContain('line 1');
    expect(messageFrom(withFile('config: d.json'))).toContain('unknown key "config"');
    expect(messageFrom(withFile('#'.repeat(2 ** 20 + 1)))).toContain('larger than');
  });

  it('takes a file of comments, the address of its schema, and keys without a value as saying nothing', () => {
    const files = { 'c.yaml': '# nothing\n', 'd.yaml': '$schema: s.json\nport:\nhost: 127.0.0.4\n' };
    expect(resolve({ files, flags: { config: 'c.yaml' } }).port).toBe(8080);
    expect(resolve({ files, flags: { config: 'd.yaml' } })).toMatchObject({ port: 8080, host: '127.0.0.4' });
  });

  it('takes keys from flags and the environment, and keeps them out of messages', () => {
    expect(
      resolve({
        flags: { apiKeys: ['flag-key'], adminApiKeys: ['boss'] },
        environment: { STARLING_METRICS_API_KEY: 'meter' },
      }),
    ).toMatchObject({ apiKeys: ['flag-key'], adminApiKeys: ['boss'], metricsApiKeys: ['meter'] });
    const message = messageFrom(() => resolve({ flags: { adminApiKeys: ['two words'] } }));
    expect(message).toContain('white space');
    expect(message).not.toContain('two words');
  });

  it('opens no address to others without keys, unless that is wanted', () => {
    for (const host of ['127.0.0.1', '127.8.0.1', '::1', 'localhost'])
      expect(resolve({ flags: { host } }).host).toBe(host);
    for (const host of [
      '0.0.0.0',
      '::',
      '192.168.0.7',
      'example.org',
      'localhost.example.org',
      '127.0.0.1.nip.io',
      '',
    ]) {
      expect(messageFrom(() => resolve({ flags: { host } }))).toContain('--');
    }
    expect(messageFrom(() => resolve({ environment: { STARLING_HOST: '0.0.0.0' } }))).toContain('--insecure-no-auth');
    for (const flags of [
      { insecureNoAuth: true },
      { apiKeys: ['k'] },
      { adminApiKeys: ['k'] },
      { apiKeysFile: 'keys.json' },
    ])
      expect(resolve({ flags: { host: '0.0.0.0', ...flags } }).host).toBe('0.0.0.0');
  });
});
