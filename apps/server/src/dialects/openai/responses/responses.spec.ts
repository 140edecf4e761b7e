import { isStarlingError } from '@starling/core';
import { createApp } from '../../../app.js';
import { fakeModel, fakeParts } from '../../../fake-parts.test-support.js';
import { messagesOf } from './items.js';
import { ResponseOutput } from './output.js';
import { ResponseStore, itemsUpTo, type StoredResponse } from './response-store.js';
import type { ItemBody } from './schema.js';

const none = () => undefined;

describe('items', () => {
  it('of one turn of the assistant are one message', () => {
    const items: ItemBody[] = [
      { role: 'developer', content: 'Be brief.' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'Weather' },
          { type: 'input_text', text: '?' },
        ],
      },
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'Look it up.' }], summary: [] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'One moment.' }] },
      { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' },
      { type: 'custom_tool_call', call_id: 'b', name: 'shell', input: 'ls' },
      { type: 'function_call_output', call_id: 'a', output: 'rain' },
      { type: 'custom_tool_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'x' }] },
      { type: 'message', role: 'assistant', content: 'Rain.' },
    ];
    expect(messagesOf(items, none)).toEqual([
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'One moment.',
        reasoning_content: 'Look it up.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
          { id: 'b', type: 'function', function: { name: 'shell', arguments: '{"input":"ls"}' } },
        ],
      },
      { role: 'tool', content: 'rain', tool_call_id: 'a', name: 'weather' },
      { role: 'tool', content: 'x', tool_call_id: 'b', name: 'shell' },
      { role: 'assistant', content: 'Rain.' },
    ]);
  });

  it.each<[ItemBody, string, string, string | undefined]>([
    [
      {
        type: 'web_search_call',
        id: 'c',
        status: 'completed',
        action: { type: 'search', query: 'starlings', sources: [{ type: 'url', url: 'http://a' }] },
      },
      'web_search',
      '{"query":"starlings"}',
      'http://a',
    ],
    [
      { type: 'web_search_call', id: 'c', status: 'failed', action: { type: 'open_page', url: 'http://a' } },
      'web_search',
      '{"action":"open_page","url":"http://a"}',
      'failed',
    ],
    [
      {
        type: 'file_search_call',
        id: 'c',
        queries: ['x'],
        results: [{ filename: 'a.md', text: 'birds', score: 1 }, { text: 'more' }],
      },
      'file_search',
      '{"queries":["x"]}',
      'a.md\nbirds\n\nmore',
    ],
    [
      { type: 'code_interpreter_call', id: 'c', code: '1+1', outputs: [{ type: 'logs', logs: '2' }] },
      'code_interpreter',
      '{"code":"1+1"}',
      '2',
    ],
    [
      { type: 'code_interpreter_call', id: 'c', code: null, outputs: null },
      'code_interpreter',
      '{"code":""}',
      'completed',
    ],
    [{ type: 'image_generation_call', id: 'c', status: 'failed', result: null }, 'image_generation', '{}', 'failed'],
    [{ type: 'mcp_call', id: 'c', name: 'roll', arguments: '{"dice":1}', output: '4' }, 'roll', '{"dice":1}', '4'],
    [{ type: 'mcp_call', id: 'c', name: 'roll', arguments: '{}', error: 'broken' }, 'roll', '{}', 'Error: broken'],
    [
      { type: 'computer_call', id: 'x', call_id: 'c', action: { type: 'click', x: 1 } },
      'computer',
      '{"type":"click","x":1}',
      undefined,
    ],
    [
      { type: 'local_shell_call', id: 'x', call_id: 'c', action: { type: 'exec', command: ['ls'], env: {} } },
      'local_shell',
      '{"command":["ls"],"env":{}}',
      undefined,
    ],
    [{ type: 'shell_call', call_id: 'c', action: { commands: ['ls'] } }, 'shell', '{"commands":["ls"]}', undefined],
    [
      { type: 'apply_patch_call', call_id: 'c', operation: { type: 'delete_file', path: 'a' } },
      'apply_patch',
      '{"type":"delete_file","path":"a"}',
      undefined,
    ],
    [{ type: 'tool_search_call', call_id: 'c', arguments: { query: 'x' } }, 'tool_search', '{"query":"x"}', undefined],
  ])('of tools that others ran are calls: %j', (item, name, values, output) => {
    expect(messagesOf([item], none)).toEqual([
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'c', type: 'function', function: { name, arguments: values } }],
      },
      ...(output === undefined ? [] : [{ role: 'tool', content: output, tool_call_id: 'c', name }]),
    ]);
  });

  it.each<[ItemBody, string]>([
    [{ type: 'local_shell_call_output', id: 'c', output: 'a.txt' }, 'a.txt'],
    [
      {
        type: 'shell_call_output',
        call_id: 'c',
        output: [
          { stdout: 'a', stderr: '', outcome: { type: 'exit', exit_code: 0 } },
          { stdout: '', stderr: 'no', outcome: { type: 'exit', exit_code: 2 } },
          { stdout: '', stderr: '', outcome: { type: 'timeout' } },
        ],
      },
      'a\nno\nexit code 2\ntimeout',
    ],
    [{ type: 'apply_patch_call_output', call_id: 'c', status: 'failed' }, 'failed'],
    [
      { type: 'tool_search_output', call_id: 'c', tools: [{ type: 'function', name: 'f' }] },
      '[{"type":"function","name":"f"}]',
    ],
  ])('of tools that clients ran are outputs: %j', (item, content) => {
    expect(messagesOf([item], none)).toEqual([{ role: 'tool', content, tool_call_id: 'c' }]);
  });

  it('that tell a model nothing are left out', () => {
    expect(
      messagesOf(
        [
          { type: 'mcp_list_tools', id: 'x', tools: [] },
          { type: 'mcp_approval_request', id: 'y', name: 'f', arguments: '{}' },
          { type: 'mcp_approval_response', approve: true },
        ],
        none,
      ),
    ).toEqual([]);
  });

  it('may refer to others', () => {
    const other: ItemBody = { type: 'message', id: 'm1', role: 'user', content: 'Hi' };
    expect(messagesOf([{ type: 'item_reference', id: 'm1' }], (id) => (id === 'm1' ? other : undefined))).toEqual([
      { role: 'user', content: 'Hi' },
    ]);
    expect(() => messagesOf([{ type: 'item_reference', id: 'm2' }], none)).toThrow(
      expect.objectContaining({ code: 'not_found', details: { param: 'input[0].id' } }),
    );
  });

  it.each<[ItemBody, string]>([
    [{ type: 'compaction', encrypted_content: 'x' }, 'input[0].type'],
    [
      { type: 'computer_call_output', call_id: 'a', output: { type: 'computer_screenshot', image_url: 'x' } },
      'input[0].type',
    ],
    [{ type: 'image_generation_call', id: 'a', result: 'aGk=' }, 'input[0].type'],
    [{ type: 'code_interpreter_call', id: 'a', outputs: [{ type: 'image', url: 'x' }] }, 'input[0].outputs[0].type'],
    [{}, 'input[0].type'],
    [{ role: 'robot', content: 'x' }, 'input[0].role'],
    [{ role: 'user', content: [{ type: 'input_image' }] }, 'input[0].content[0].type'],
    [{ type: 'function_call', name: 'x' }, 'input[0].call_id'],
    [{ type: 'function_call_output', output: 'x' }, 'input[0].call_id'],
  ])('%j are refused by name', (item, param) => {
    expect(() => messagesOf([item], none)).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: expect.objectContaining({ param }) as unknown }),
    );
  });
});

describe('the output of an answer', () => {
  it('has an item for each thing, opened and closed one after another', () => {
    const output = new ResponseOutput();
    const events = [
      ...output.push({ kind: 'reasoning', text: 'Hm' }, undefined),
      ...output.push({ kind: 'content', text: 'a' }, undefined),
      ...output.push({ kind: 'content', text: 'b' }, undefined),
      ...output.push({ kind: 'call', index: 0, name: 'f', id: 'same' }, undefined),
      ...output.push({ kind: 'arguments', index: 0, text: '{"x":1}' }, undefined),
      ...output.push({ kind: 'call', index: 1, name: 'g', id: 'same' }, undefined),
      ...output.end(false),
    ];
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'output_item.added',
      'content_part.added',
      'reasoning_text.delta',
      'reasoning_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.done',
      'output_item.done',
    ]);
    expect(events[6]).toMatchObject({ output_index: 1, item: { type: 'message', status: 'in_progress', content: [] } });
    expect(output.items).toMatchObject([
      { content: [{ text: 'Hm' }] },
      { content: [{ text: 'ab' }] },
      { call_id: 'same', arguments: '{"x":1}' },
      { name: 'g', arguments: '{}', status: 'completed' },
    ]);
    const ids = output.items.flatMap((item) => (item.type === 'function_call' ? [item.id, item.call_id] : [item.id]));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('of nothing is an empty message, and of what was cut an incomplete one', () => {
    const empty = new ResponseOutput();
    expect([...empty.end(false)].map(({ type }) => type)).toEqual([
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
    ]);
    const cut = new ResponseOutput();
    void [
      ...cut.push({ kind: 'call', index: 0, name: 'f' }, undefined),
      ...cut.push({ kind: 'arguments', index: 0, text: '{"x' }, undefined),
      ...cut.end(true),
    ];
    expect(cut.items).toMatchObject([{ status: 'incomplete', arguments: '{"x' }]);
  });
});

describe('stored responses', () => {
  const response = (id: string, previous?: StoredResponse, text = id): StoredResponse => ({
    id,
    input: [{ role: 'user', content: text }],
    output: [{ role: 'assistant', content: `to ${id}` }],
    response: { id },
    ...(previous && { previous }),
  });
  const isGone = (store: ResponseStore, tenant: string, id: string): boolean => {
    try {
      store.get(tenant, id);
      return false;
    } catch (error) {
      return isStarlingError(error, 'not_found');
    }
  };

  it('are their tenant’s alone', () => {
    const store = new ResponseStore(() => 0);
    store.put('a', response('r'));
    expect(store.get('a', 'r').id).toBe('r');
    expect(isGone(store, 'b', 'r')).toBe(true);
    store.delete('a', 'r');
    expect(isGone(store, 'a', 'r')).toBe(true);
    expect(store.size).toBe(0);
  });

  it('hold the conversation before them, also where that was deleted', () => {
    const store = new ResponseStore(() => 0);
    store.put('a', response('1'));
    store.put('a', response('2', store.get('a', '1')));
    store.delete('a', '1');
    expect(itemsUpTo(store.get('a', '2')).map(({ content }) => content)).toEqual(['1', 'to 1', '2', 'to 2']);
  });

  it('go in the order of their use: by number, by size and by age', () => {
    let now = 0;
    const store = new ResponseStore(() => now, { perTenant: 3, characters: 1980, ttlMs: 100 });
    for (const id of ['1', '2', '3']) store.put('a', response(id));
    store.get('a', '1');
    store.put('a', response('4'));
    expect(['1', '2', '3', '4'].map((id) => isGone(store, 'a', id))).toEqual([false, true, false, false]);
    store.put('b', response('5', undefined, 'x'.repeat(1900)));
    expect(store.size).toBe(1);
    now = 101;
    expect(isGone(store, 'b', '5')).toBe(true);
  });
});

describe('a response under way', () => {
  /** An app whose model waits before its second token, and the stream that it was asked for, read up to its first text. */
  async function begun(body: object = {}) {
    let go = () => undefined as void;
    const waits = new Promise<void>((resolve) => (go = resolve));
    const fake = fakeModel({
      answer: ['One', ' two'],
      beforeToken: (index) => (index === 0 ? Promise.resolve() : waits),
    });
    const model = {
      ...fake,
      generate: async (request: Parameters<typeof fake.generate>[0]) => ({
        ...(await fake.generate({ ...request, signal: stop.signal })),
        cancel: () => stop.abort(),
      }),
    };
    const stop = new AbortController();
    const app = createApp(fakeParts({ served: [model] }).parts);
    const response = await app.request('/v1/responses', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input: 'Count.', stream: true, ...body }),
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"delta":"One"')) text += (await reader.read()).value ?? '';
    const id = /"id":"(resp_[0-9a-f]+)"/.exec(text)![1];
    const rest = async (): Promise<string> => {
      let said = '';
      for (let read = await reader.read(); !read.done; read = await reader.read()) said += read.value;
      return said;
    };
    const call = async (method: string, path = '') => {
      const answer = await app.request(`/v1/responses/${id}${path}`, { method });
      return { code: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    return { id, go, rest, call };
  }
  const said = (text: string, status: string) => [
    { type: 'message', status, content: [{ type: 'output_text', text }] },
  ];

  it('is told as far as it is, and then as it ended', async () => {
    const { id, go, rest, call } = await begun();
    expect(await call('GET')).toMatchObject({
      code: 200,
      body: { id, object: 'response', status: 'in_progress', usage: null, output: said('One', 'in_progress') },
    });
    go();
    await rest();
    expect(await call('GET')).toMatchObject({
      code: 200,
      body: { id, status: 'completed', output: said('One two', 'completed'), usage: { output_tokens: 2 } },
    });
    expect((await call('POST', '/cancel')).code).toBe(409);
  });

  it('is told whole where it is stopped, and is stopped once', async () => {
    const { id, rest, call } = await begun();
    const stopped = {
      id,
      object: 'response',
      status: 'cancelled',
      incomplete_details: null,
      output: said('One', 'incomplete'),
    };
    const { code, body } = await call('POST', '/cancel');
    expect([code, body]).toMatchObject([200, stopped]);
    expect(Object.keys(body)).toHaveLength(32);
    expect(await rest()).toContain('"status":"cancelled"');
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/cancel'],
    ])
      expect(await call(method, path)).toMatchObject({ code: 200, body: { ...stopped, usage: { output_tokens: 1 } } });
  });

  it('that will not be kept is not there to be read, but can be stopped', async () => {
    const { call, rest } = await begun({ store: false });
    expect((await call('GET')).code).toBe(404);
    expect(await call('POST', '/cancel')).toMatchObject({ code: 200, body: { status: 'cancelled' } });
    await rest();
    expect((await call('POST', '/cancel')).code).toBe(404);
  });

  it('tells how fast it comes where llama-server’s field asks', async () => {
    const { go, rest } = await begun({ timings_per_token: true });
    go();
    const events = (await rest())
      .split('\n')
      .flatMap((line) => (line.startsWith('data: {') ? [JSON.parse(line.slice(6)) as Record<string, unknown>] : []));
    expect(events.filter((event) => 'timings' in event).map(({ type }) => type)).toEqual([
      'response.output_text.delta',
      'response.completed',
    ]);
    expect(events.at(-1)).toMatchObject({ timings: { predicted_n: 2 } });
  });
});

describe('a conversation of items', () => {
  it('is counted without an answer', async () => {
    const model = fakeModel();
    const body = JSON.stringify({
      input: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
      instructions: 'c',
    });
    const response = await createApp(fakeParts({ served: [model] }).parts).request('/v1/responses/input_tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(await response.json()).toEqual({ object: 'response.input_tokens', input_tokens: 3 });
    expect(model.requests).toEqual([]);
  });
});
