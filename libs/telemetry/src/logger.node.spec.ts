import { createLogger, type LogLevel } from './logger.node.js';

/** A log and the lines that it wrote. */
function recorded(level?: LogLevel) {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    level,
    context: { service: 'starling' },
    to: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  return { log, lines };
}

describe('the log', () => {
  it('writes JSON lines with time, level as a word, context and facts', () => {
    const { log, lines } = recorded();
    log.child({ request_id: 'r1' }).info({ status: 200 }, 'request');
    expect(lines).toEqual([
      expect.objectContaining({ level: 'info', service: 'starling', request_id: 'r1', status: 200, msg: 'request' }),
    ]);
    expect(new Date(lines[0].time as string).getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = recorded('warn');
    log.info('quiet');
    log.error('loud');
    expect(lines.map((line) => line.msg)).toEqual(['loud']);
  });

  it('never shows secrets', () => {
    const { log, lines } = recorded();
    log.info(
      {
        authorization: 'Bearer x',
        settings: { apiKey: 'y', port: 1 },
        request: { headers: { 'x-api-key': 'z', accept: '*/*' } },
      },
      'settings',
    );
    expect(lines[0]).toMatchObject({
      authorization: '[secret]',
      settings: { apiKey: '[secret]', port: 1 },
      request: { headers: { 'x-api-key': '[secret]', accept: '*/*' } },
    });
    log.child({ password: 'p' }).info('child');
    expect(lines[1]).toMatchObject({ password: '[secret]' });
  });

  it('refuses a level that it does not know', () => {
    expect(() => createLogger({ level: 'loud' as LogLevel })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});
