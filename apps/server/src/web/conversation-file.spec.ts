import fc from 'fast-check';
import { conversationFile, FILE_LIMITS, parseConversationFile, type WholeConversation } from './conversation-file.js';
import { pathTo, type Turn } from './conversation.js';

const whole: WholeConversation = {
  conversation: {
    id: 'c',
    title: 'Foxes',
    createdAt: 1,
    updatedAt: 2,
    leaf: 'b',
    settings: { temperature: 0.5, system: 'Be brief.', showsChances: true },
  },
  turns: [
    { id: 'a', conversation: 'c', role: 'user', text: 'Hi', at: 1 },
    {
      id: 'b',
      conversation: 'c',
      parent: 'a',
      role: 'assistant',
      text: 'Hello',
      at: 2,
      reasoning: 'A greeting.',
      calls: [{ id: 'x', name: 'wave', arguments: '{}' }],
      answer: {
        model: 'm',
        end: 'stop',
        figures: { promptTokens: 3, cachedTokens: 1, tokens: 2, tokensPerSecond: 9.5 },
      },
      tokens: [
        {
          text: 'Hello',
          probability: 0.9,
          others: [
            ['Hello', 0.9],
            ['Hi', 0.1],
          ],
        },
      ],
    },
    { id: 'd', conversation: 'c', parent: 'a', role: 'assistant', text: 'Other', at: 3 },
  ],
};

const file = (...turns: readonly object[]) =>
  JSON.stringify({
    format: 'starling-conversations',
    version: 1,
    conversations: [
      {
        conversation: { title: 't', createdAt: 0, updatedAt: 0, settings: {} },
        turns: turns.map((turn) => ({ role: 'user', text: 'x', at: 0, ...turn })),
      },
    ],
  });

const reason = (source: string): string => {
  const imported = parseConversationFile(source);
  return imported.kind === 'wrong' ? imported.why : 'taken';
};

describe('a file of conversations', () => {
  it('holds all that is known of them, but for the ids', () => {
    const imported = parseConversationFile(conversationFile([whole]));
    if (imported.kind === 'wrong') throw new Error(imported.why);
    const [{ conversation, turns }] = imported.all;
    expect(conversation).toMatchObject({ title: 'Foxes', settings: whole.conversation.settings });
    expect(turns.map(({ text }) => text)).toEqual(['Hi', 'Hello', 'Other']);
    expect(turns[1]).toMatchObject({
      reasoning: 'A greeting.',
      calls: whole.turns[1].calls,
      answer: whole.turns[1].answer,
      tokens: whole.turns[1].tokens,
    });
    expect(pathTo(new Map(turns.map((turn) => [turn.id, turn])), conversation.leaf).map(({ text }) => text)).toEqual([
      'Hi',
      'Hello',
    ]);
    const old = new Set(['a', 'b', 'c', 'd']);
    for (const { id, conversation: of } of turns) expect([old.has(id), of === conversation.id]).toEqual([false, true]);
  });

  it.each([
    ['hello', 'not JSON'],
    ['null', 'the file'],
    ['{"format": "other"}', 'format'],
    ['{"format": "starling-conversations", "version": 2, "conversations": []}', 'version'],
  ])('%s is none', (source, why) => {
    expect(reason(source)).toContain(why);
  });

  it.each<[what: string, why: string, turns: () => object[]]>([
    [
      'a circle',
      'do not follow',
      () => [
        { id: 'a', parent: 'b' },
        { id: 'b', parent: 'a' },
      ],
    ],
    ['a turn that follows itself', 'do not follow', () => [{ id: 'a', parent: 'a' }]],
    ['a turn after one that is not there', 'do not follow', () => [{ id: 'a', parent: 'gone' }]],
    ['one id twice', 'do not follow', () => [{ id: 'a' }, { id: 'a' }]],
    ['a text that is none', 'conversations.0.turns.0.text', () => [{ id: 'a', text: { toString: 1 } }]],
    ['a role that nobody has', 'role', () => [{ id: 'a', role: 'system' }]],
    ['a time that is none', 'at', () => [{ id: 'a', at: '0' }]],
    [
      'too many calls',
      'at most 256',
      () => [{ id: 'a', calls: Array.from({ length: FILE_LIMITS.calls + 1 }, () => ({})) }],
    ],
    ['too many turns', 'at most 100000', () => Array.from({ length: FILE_LIMITS.turns + 1 }, () => ({}))],
  ])('with %s is refused with the reason: %s', (_, why, turns) => {
    expect(reason(file(...turns()))).toContain(why);
  });

  it('is taken with any names of ids, and gives nobody a way to what is behind an object', () => {
    const imported = parseConversationFile(
      file(
        { id: '__proto__' },
        { id: 'constructor', parent: '__proto__', answer: JSON.parse('{"__proto__": {"end": "stop"}}') as object },
      ),
    );
    if (imported.kind === 'wrong') throw new Error(imported.why);
    const [{ turns }] = imported.all;
    expect(turns[1].parent).toBe(turns[0].id);
    expect(Object.keys(turns[1].answer ?? {})).toEqual([]);
    expect(turns[1].answer?.end).toBeUndefined();
  });

  it('of any content is taken or refused, and never throws', () => {
    const any = fc.jsonValue({ maxDepth: 2 });
    const turn = fc.record(
      {
        id: fc.constantFrom('a', 'b', 'c'),
        parent: fc.constantFrom('a', 'b', 'c'),
        role: fc.constantFrom('user', 'assistant', 'tool', 'x'),
        text: fc.string(),
        at: fc.double(),
        calls: fc.array(any),
        answer: any,
      },
      { requiredKeys: ['id', 'role', 'text', 'at'] },
    );
    const source = fc.record({
      format: fc.constant('starling-conversations'),
      version: fc.constant(1),
      conversations: fc.array(
        fc.record({
          conversation: fc.constant({ title: '', createdAt: 0, updatedAt: 0, settings: {} }),
          turns: fc.array(turn, { maxLength: 4 }),
        }),
        { maxLength: 2 },
      ),
    });
    fc.assert(
      fc.property(fc.oneof(source, any), (one) =>
        expect(['conversations', 'wrong']).toContain(parseConversationFile(JSON.stringify(one)).kind),
      ),
      { numRuns: 100 },
    );
  });
});

describe('a conversation with branches', () => {
  it('has a path to its end even if its turns ran in a circle', () => {
    const turns = new Map<string, Turn>([
      ['a', { id: 'a', conversation: 'c', parent: 'b', role: 'user', text: '', at: 0 }],
      ['b', { id: 'b', conversation: 'c', parent: 'a', role: 'user', text: '', at: 0 }],
    ]);
    expect(pathTo(turns, 'a').length).toBeLessThanOrEqual(3);
  });
});
