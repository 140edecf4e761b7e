import { validate } from '../../schemas/validate.js';
import { conversationOf } from './conversation.js';
import { countTokensSchema } from './schema.js';

const messagesOf = (...messages: object[]) => conversationOf(validate(countTokensSchema, { messages })).messages;

describe('blocks of a conversation', () => {
  it('of tools that the vendor ran are calls and their results, where they were', () => {
    const content = [
      { type: 'text', text: 'I look.' },
      { type: 'server_tool_use', id: 'a', name: 'web_search', input: { query: 'starlings' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'a',
        content: [
          { type: 'web_search_result', title: 'Birds', url: 'http://a', encrypted_content: 'xyz', page_age: null },
          { type: 'web_search_result', title: 'More', url: 'http://b', encrypted_content: 'xyz' },
        ],
      },
      { type: 'text', text: 'They sing.' },
      { type: 'text', text: 'Often.' },
    ];
    expect(
      messagesOf(
        { role: 'user', content: 'Birds?' },
        { role: 'assistant', content },
        { role: 'user', content: 'Thanks' },
      ),
    ).toEqual([
      { role: 'user', content: 'Birds?' },
      {
        role: 'assistant',
        content: 'I look.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'web_search', arguments: { query: 'starlings' } } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'Birds\nhttp://a\nMore\nhttp://b' },
      { role: 'assistant', content: 'They sing.\n\nOften.' },
      { role: 'user', content: 'Thanks' },
    ]);
  });

  it.each([
    [
      { type: 'web_search_tool_result', content: { type: 'web_search_tool_result_error', error_code: 'unavailable' } },
      'error_code: unavailable',
    ],
    [
      {
        type: 'web_fetch_tool_result',
        content: {
          type: 'web_fetch_result',
          url: 'http://a',
          content: {
            type: 'document',
            title: 'T',
            citations: { enabled: true },
            source: { type: 'text', media_type: 'text/plain', data: 'Words' },
          },
        },
      },
      'http://a\nT\nWords',
    ],
    [
      {
        type: 'bash_code_execution_tool_result',
        content: { type: 'bash_code_execution_result', stdout: 'out', stderr: '', return_code: 0, content: [] },
      },
      'out\nreturn_code: 0',
    ],
    [
      {
        type: 'tool_search_tool_result',
        content: {
          type: 'tool_search_tool_search_result',
          tool_references: [{ type: 'tool_reference', tool_name: 'f' }],
        },
      },
      'f',
    ],
    [{ type: 'mcp_tool_result', is_error: true, content: [{ type: 'text', text: 'no' }] }, 'Error: no'],
    [
      {
        type: 'tool_result',
        content: [
          { type: 'text', text: 'a' },
          { type: 'document', title: 'T', source: { type: 'text', data: 'b' } },
          { type: 'search_result', source: 'http://a', title: 'S', content: [{ type: 'text', text: 'c' }] },
          { type: 'tool_reference', tool_name: 'f' },
        ],
      },
      'a\nT\nb\nS\nhttp://a\nc\nf',
    ],
  ])('%j have their text', (block, content) => {
    expect(messagesOf({ role: 'user', content: [{ tool_use_id: 'a', ...block }] })).toEqual([
      { role: 'tool', tool_call_id: 'a', content },
    ]);
  });

  it('that a user shows are text', () => {
    const content = [
      { type: 'document', context: 'C', source: { type: 'content', content: [{ type: 'text', text: 'x' }] } },
      { type: 'text', text: 'What is it?' },
    ];
    expect(messagesOf({ role: 'user', content })).toEqual([{ role: 'user', content: 'C\nx\n\nWhat is it?' }]);
  });

  it.each([
    [{ type: 'image', source: { type: 'url', url: 'x' } }, 'messages[0].content[0].type'],
    [
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: '' } },
      'messages[0].content[0].source.type',
    ],
    [{ type: 'container_upload', file_id: 'x' }, 'messages[0].content[0].type'],
    [
      { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'image', source: {} }] },
      'messages[0].content[0].content[0].type',
    ],
    [
      {
        type: 'web_fetch_tool_result',
        tool_use_id: 'a',
        content: { type: 'web_fetch_result', content: { type: 'document', source: { type: 'base64', data: '' } } },
      },
      'messages[0].content[0].content',
    ],
  ])('%j are refused by name', (block, param) => {
    expect(() => messagesOf({ role: 'user', content: [block] })).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: expect.objectContaining({ param }) as unknown }),
    );
  });
});
