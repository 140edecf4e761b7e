import { ERROR_KINDS } from './error-codes.js';
import { StarlingError, assert, isStarlingError, messageOf } from './error.js';

describe('StarlingError', () => {
  it('carries a code, details and the cause', () => {
    const cause = new RangeError('low level');
    const error = new StarlingError('invalid_model_file', 'a.gguf: cut short', { details: { size: 3 }, cause });
    expect(error).toMatchObject({ name: 'StarlingError', code: 'invalid_model_file', details: { size: 3 }, cause });
    expect(error.kind).toEqual({ status: 400, type: 'invalid_request_error', retryable: false });
  });

  it('is recognised across copies of the library, by name and code', () => {
    const foreign = Object.assign(new Error('x'), { name: 'StarlingError', code: 'queue_full' });
    expect(isStarlingError(foreign)).toBe(true);
    expect(isStarlingError(foreign, 'internal')).toBe(false);
    expect(isStarlingError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false);
    expect(isStarlingError('queue_full')).toBe(false);
  });

  it('gives every code an HTTP error status', () => {
    for (const kind of Object.values(ERROR_KINDS)) expect(kind.status).toBeGreaterThanOrEqual(400);
  });
});

describe('assert and messageOf', () => {
  it('throws an internal error for a broken invariant alone', () => {
    expect(() => assert(true, 'fine')).not.toThrow();
    expect(() => assert(false, 'pages are conserved')).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('finds the text of whatever was thrown', () => {
    expect(messageOf(new TypeError('t'))).toBe('t');
    expect(messageOf(7)).toBe('7');
  });
});
