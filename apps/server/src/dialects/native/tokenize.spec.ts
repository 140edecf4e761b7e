import { createApp } from '../../app.js';
import { fakeParts } from '../../fake-parts.test-support.js';

async function post(path: string, body: unknown) {
  const response = await createApp(fakeParts().parts).request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown> & { error?: { param?: string; message: string } },
  };
}

describe('POST /v1/tokenize', () => {
  it('gives ids and their count, with the vocabulary’s special tokens unless told otherwise', async () => {
    expect((await post('/v1/tokenize', { text: 'hi' })).body).toEqual({ tokens: [0, 104, 105], count: 3 });
    expect((await post('/v1/tokenize', { text: 'hi', add_special: false })).body).toEqual({
      tokens: [104, 105],
      count: 2,
    });
    expect((await post('/v1/tokenize', { text: '', add_special: false })).body).toEqual({ tokens: [], count: 0 });
  });

  it('gives offsets in UTF-8 bytes and pieces where asked', async () => {
    expect((await post('/v1/tokenize', { text: 'aé', with_offsets: true, with_pieces: true })).body).toEqual({
      tokens: [0, 97, 0xc3, 0xa9],
      count: 4,
      offsets: [
        [0, 0],
        [0, 1],
        [1, 2],
        [2, 3],
      ],
      pieces: ['<begin>', 'a', [0xc3], [0xa9]],
    });
  });

  it.each([
    [{}, 'text'],
    [{ text: 5 }, 'text'],
    [{ text: 'a', add_specials: true }, 'add_specials'],
    [{ text: 'a', with_offsets: 1 }, 'with_offsets'],
    [{ text: 'a', model: '' }, 'model'],
  ])('refuses %j, naming %s', async (body, param) => {
    const answer = await post('/v1/tokenize', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error?.param).toBe(param);
  });

  it('answers 404 for a model that is not there', async () => {
    const answer = await post('/v1/tokenize', { text: 'a', model: 'other' });
    expect(answer.status).toBe(404);
    expect(answer.body.error).toMatchObject({ code: 'model_not_loaded', param: 'model' });
  });
});

describe('POST /v1/detokenize', () => {
  it('gives the text', async () => {
    expect((await post('/v1/detokenize', { tokens: [104, 105] })).body).toEqual({ text: 'hi' });
    expect((await post('/v1/detokenize', { tokens: [] })).body).toEqual({ text: '' });
  });

  it.each([
    [{}, 'tokens'],
    [{ tokens: 'a' }, 'tokens'],
    [{ tokens: [1, 2.5] }, 'tokens[1]'],
    [{ tokens: [1, -1] }, 'tokens[1]'],
    [{ tokens: [1, 2, 256] }, 'tokens[2]'],
  ])('refuses %j, naming %s', async (body, param) => {
    const answer = await post('/v1/detokenize', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error?.param).toBe(param);
  });

  it('tells the limit that an id is beyond', async () => {
    expect((await post('/v1/detokenize', { tokens: [300] })).body.error?.message).toContain('0 to 255');
  });
});
