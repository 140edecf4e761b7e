import {
  branchesOf,
  leafBelow,
  newTurn,
  openCalls,
  parentForMessage,
  pathTo,
  titleOf,
  type Turn,
} from './conversation.js';
import { pastedSchema, pastedTools } from './chat-settings.js';
import { requestBody } from './request-body.js';

const turn = (id: string, parent: string | undefined, role: Turn['role'], more: Partial<Turn> = {}): Turn => ({
  id,
  conversation: 'c',
  parent,
  role,
  text: id,
  at: Number(id.replace(/\D/g, '')),
  ...more,
});

/** u1 - a2 - u3 - a4, with another answer a5 to u3, and another beginning u6. */
const turns = new Map(
  [
    turn('u1', undefined, 'user'),
    turn('a2', 'u1', 'assistant'),
    turn('u3', 'a2', 'user'),
    turn('a4', 'u3', 'assistant'),
    turn('a5', 'u3', 'assistant'),
    turn('u6', undefined, 'user'),
  ].map((one) => [one.id, one]),
);

describe('a conversation', () => {
  it('is a tree: each branch has its path, and is come back to at its end', () => {
    expect(pathTo(turns, 'a4').map(({ id }) => id)).toEqual(['u1', 'a2', 'u3', 'a4']);
    expect(pathTo(turns, undefined)).toEqual([]);
    expect(branchesOf(turns, turns.get('a4')!).map(({ id }) => id)).toEqual(['a4', 'a5']);
    expect(branchesOf(turns, turns.get('u1')!).map(({ id }) => id)).toEqual(['u1', 'u6']);
    expect(leafBelow(turns, 'u1')).toBe('a5');
    expect(leafBelow(turns, 'u6')).toBe('u6');
  });

  it('goes on after what was answered: a question without an answer is left behind', () => {
    expect(parentForMessage(turns, 'a4')).toBe('a4');
    expect(parentForMessage(turns, 'u3')).toBe('a2');
    expect(parentForMessage(turns, 'u6')).toBeUndefined();
    const failed = new Map([...turns, ['a7', turn('a7', 'u6', 'assistant', { text: '' })]]);
    expect(parentForMessage(failed, 'a7')).toBeUndefined();
  });

  it('gives a turn a later time than the one before it, whatever the clock says', () => {
    const late = new Map([['z', { ...turn('u1', undefined, 'user'), id: 'z', at: 9e15 }]]);
    expect(newTurn(late, { conversation: 'c', parent: 'z', role: 'assistant', text: '' })).toMatchObject({
      parent: 'z',
      at: 9e15 + 1,
    });
    expect(newTurn(late, { conversation: 'c', role: 'user', text: '' })).not.toHaveProperty('parent');
  });

  it('knows which calls wait for a result', () => {
    const calls = [
      { id: 'x', name: 'f', arguments: '{}' },
      { id: 'y', name: 'g', arguments: '{}' },
    ];
    const asked = [turn('u1', undefined, 'user'), turn('a2', 'u1', 'assistant', { calls })];
    expect(openCalls(asked).map(({ id }) => id)).toEqual(['x', 'y']);
    expect(openCalls([...asked, turn('t3', 'a2', 'tool', { callId: 'x' })]).map(({ id }) => id)).toEqual(['y']);
    expect(openCalls([...asked, turn('t3', 'a2', 'tool', { callId: 'x' }), turn('u4', 't3', 'user')])).toEqual([]);
  });

  it('is called by how it began, on one line', () => {
    expect(titleOf('  Tell\n me  ')).toBe('Tell me');
    expect(titleOf('x'.repeat(200))).toHaveLength(60);
  });
});

describe('what was pasted', () => {
  it('is a schema with or without a frame around it', () => {
    const schema = { type: 'object' };
    for (const pasted of [schema, { name: 'a', schema }, { type: 'json_schema', json_schema: { name: 'a', schema } }])
      expect(pastedSchema(JSON.stringify(pasted))).toEqual({ kind: 'value', value: schema });
    expect(pastedSchema(' ')).toEqual({ kind: 'none' });
    expect(pastedSchema('{')).toMatchObject({ kind: 'wrong' });
    expect(pastedSchema('[]')).toMatchObject({ kind: 'wrong' });
  });

  it('is a list of tools, one tool, or functions alone', () => {
    const tool = { type: 'function', function: { name: 'f' } };
    for (const pasted of [[tool], tool, tool.function, [tool.function]])
      expect(pastedTools(JSON.stringify(pasted))).toEqual({ kind: 'value', value: [tool] });
    for (const pasted of ['[1]', '[{}]', '"x"', 'null']) expect(pastedTools(pasted)).toMatchObject({ kind: 'wrong' });
  });
});

describe('the body of a request', () => {
  it('has what the settings say and nothing else', () => {
    expect(requestBody([turn('u1', undefined, 'user')], {})).toEqual({
      messages: [{ role: 'user', content: 'u1' }],
      stream: true,
      stream_options: { include_usage: true },
      return_progress: true,
    });
    expect(
      requestBody([], {
        temperature: 0,
        topK: 3,
        stop: 'a\n\nb',
        reasoning: 'none',
        showsChances: true,
        schema: '{"type": "object"}',
        tools: '{',
        system: ' Be brief. ',
      }),
    ).toMatchObject({
      temperature: 0,
      top_k: 3,
      stop: ['a', 'b'],
      reasoning_effort: 'none',
      logprobs: true,
      top_logprobs: 5,
      response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' } } },
      messages: [{ role: 'system', content: 'Be brief.' }],
    });
    expect(requestBody([], { tools: '{' })).not.toHaveProperty('tools');
  });

  it('sends reasoning, calls and results back, and leaves out an answer that brought nothing', () => {
    const path = [
      turn('u1', undefined, 'user'),
      turn('a2', 'u1', 'assistant', { text: '' }),
      turn('a3', 'u1', 'assistant', { text: '', reasoning: 'r', calls: [{ id: 'x', name: 'f', arguments: '{}' }] }),
      turn('t4', 'a3', 'tool', { callId: 'x' }),
    ];
    expect(requestBody(path, {})).toMatchObject({
      messages: [
        { role: 'user', content: 'u1' },
        {
          role: 'assistant',
          content: '',
          reasoning_content: 'r',
          tool_calls: [{ id: 'x', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', content: 't4', tool_call_id: 'x' },
      ],
    });
  });
});
