import { ERROR_KINDS } from './error-codes.js';
import { StarlingError, assert, isStarlingError, messageOf, parameterError, renamedParameter } from './error.js';

describe('StarlingError', () => {
  it('carries a code, details and the cause', () => {
    const cause = new RangeError('low level');
    const error = new StarlingError('invalid_model_file', 'a.gguf: cut short', { details: { size: 3 }, cause });
    expect(error).toMatchObject({ name: 'StarlingError', code: 'invalid_model_file', details: { size: 3 }, cause });
    expect(error.kind).toEqual({ retryable: false });
  });

  it('is recognised across copies of the library, by name and code', () => {
    const foreign = Object.assign(new Error('x'), { name: 'StarlingError', code: 'queue_full' });
    expect(isStarlingError(foreign)).toBe(true);
    expect(isStarlingError(foreign, 'internal')).toBe(false);
    expect(isStarlingError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false);
    expect(isStarlingError('queue_full')).toBe(false);
  });

  it('knows of every code whether to try again, and nothing of how it is carried', () => {
    for (const kind of Object.values(ERROR_KINDS)) expect(kind).toEqual({ retryable: expect.any(Boolean) });
  });
});

describe('an error about a parameter', () => {
  const error = parameterError('invalid_argument', 'topK', 'expected 0 or more, received -2', {
    details: { received: -2 },
  });

  it('names it, and carries name and problem apart', () => {
    expect(error).toMatchObject({
      message: 'topK: expected 0 or more, received -2',
      details: { param: 'topK', problem: 'expected 0 or more, received -2', received: -2 },
    });
  });

  it('says the same under another name', () => {
    const renamed = renamedParameter(error, 'top_k');
    expect(renamed).toMatchObject({
      code: 'invalid_argument',
      message: 'top_k: expected 0 or more, received -2',
      details: { param: 'top_k', received: -2 },
      cause: error,
    });
    expect(renamedParameter(renamed, 'top_k')).toBe(renamed);
  });

  it('keeps a message of another make', () => {
    const other = new StarlingError('invalid_request', 'give a prompt', { details: { param: 'tokens' } });
    expect(renamedParameter(other, 'prompt')).toMatchObject({ message: 'give a prompt', details: { param: 'prompt' } });
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
