import { isStarlingError } from '@starling/core';
import { resolveConfig, type ConfigSources } from './config.js';

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
    expect(resolve({})).toMatchObject({ model: [], host: '127.0.0.1', port: 8080, apiKeys: [], logLevel: 'info', deterministic: false });
  });

  it('takes flag before environment before file before default', () => {
    const files = { 'c.json': '{"port": 3, "host": "file", "threads": 5, "deterministic": true}' };
    const environment = { STARLING_PORT: '2', STARLING_HOST: 'environment', STARLING_CONFIG: 'c.json', STARLING_LOG_LEVEL: '' };
    expect(resolve({ files, environment, flags: { port: '1' } })).toMatchObject({
      port: 1, host: 'environment', threads: 5, deterministic: true, logLevel: 'info',
    });
  });

  it('refuses wrong values wherever they stand, also overridden ones, naming the source', () => {
    expect(messageFrom(() => resolve({ flags: { port: '80a' } }))).toBe('--port: expected an integer from 0 to 65535, received "80a"');
    expect(messageFrom(() => resolve({ flags: { port: 1 }, environment: { STARLING_PORT: 'tcp://10.0.0.1:80' } }))).toContain('STARLING_PORT');
    expect(messageFrom(() => resolve({ environment: { STARLING_DETERMINISTIC: 'maybe' } }))).toContain('expected true or false');
    expect(messageFrom(() => resolve({ environment: { STARLING_LOG_LEVEL: 'loud' } }))).toContain('debug, info, warn');
    expect(messageFrom(() => resolve({ flags: { config: 'c.json' }, files: { 'c.json': '{"threads": 0}' } }))).toBe(
      '"threads" in c.json: expected an integer from 1 to 256, received 0',
    );
  });

  it('refuses a config file that is missing, not JSON, or has keys that nobody knows', () => {
    const withFile = (text: string) => () => resolve({ flags: { config: 'c.json' }, files: { 'c.json': text } });
    expect(messageFrom(() => resolve({ flags: { config: 'gone.json' } }))).toContain('config file gone.json');
    expect(messageFrom(withFile('{'))).toContain('config file c.json');
    expect(messageFrom(withFile('[]'))).toContain('expected one JSON object');
    expect(messageFrom(withFile('{"prot": 1}'))).toContain('unknown key "prot"');
  });

  it('gathers API keys from flags and file, and keeps them out of messages', () => {
    const files = { keys: '# staff\nsecret-1\n\nsecret-2\r\n' };
    expect(resolve({ files, flags: { apiKeys: ['flag-key'], apiKeysFile: 'keys' } }).apiKeys).toEqual(['flag-key', 'secret-1', 'secret-2']);
    const message = messageFrom(() => resolve({ files: { keys: 'two words' }, flags: { apiKeysFile: 'keys' } }));
    expect(message).toContain('white space');
    expect(message).not.toContain('two words');
    expect(messageFrom(() => resolve({ files: { keys: '# none\n' }, flags: { apiKeysFile: 'keys' } }))).toContain('no key');
  });
});
