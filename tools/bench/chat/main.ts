import fs from 'node:fs';
import { parseArgs } from 'node:util';
import {
  CHATML_TEMPLATE,
  compileTemplate,
  deriveAnswerParser,
  type ChatMessage,
  type ChatTemplate,
  type ToolDefinition,
} from '@starling/chat';

const { values: options, positionals } = parseArgs({
  options: {
    messages: { type: 'string', default: '100' },
    tools: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
if (options.help) {
  console.log(`npm run bench -- chat [TEMPLATE.jinja ...] [--messages 100] [--tools 10] [--rounds 20]

Renders a conversation of an agent, with tools, calls and results, by each template (without one: ChatML). Milliseconds of processor time:
the first rendering, the median of the others, the longest piece of a rendering in pieces, and deriving the parser of answers.`);
  process.exit(0);
}

const tools: ToolDefinition[] = Array.from({ length: Number(options.tools) }, (_, i) => ({
  type: 'function',
  function: {
    name: `tool_${i}`,
    description: 'Does what is described in a sentence or two, as tools of agents are.',
    parameters: {
      type: 'object',
      properties: Object.fromEntries(
        Array.from({ length: 6 }, (_, k) => [
          `argument_${k}`,
          { type: 'string', description: 'An argument with a description.' },
        ]),
      ),
      required: ['argument_0'],
    },
  },
}));
const [first] = tools;

/** Four messages a turn: a question, a call, its result, an answer. */
function conversation(length: number): ChatMessage[] {
  const turn = (i: number): ChatMessage[] => {
    const id = `callid${String(i).padStart(3, '0')}`;
    return [
      { role: 'user', content: 'Please do this and that. '.repeat(20) },
      {
        role: 'assistant',
        content: 'I will look. ',
        tool_calls: first && [
          {
            id,
            type: 'function',
            function: {
              name: first.function.name,
              arguments: { argument_0: 'x'.repeat(200), argument_1: 'é "q" \n'.repeat(20) },
            },
          },
        ],
      },
      {
        role: 'tool',
        tool_call_id: id,
        name: first?.function.name,
        content: '{"result": "a line of output"}\n'.repeat(40),
      },
      { role: 'assistant', content: 'Here is the answer in some words. '.repeat(20) },
    ];
  };
  return Array.from({ length: Math.ceil(length / 4) }, (_, i) => turn(i))
    .flat()
    .slice(0, length);
}

/** Milliseconds of processor time that something takes. */
function cost(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function longestPiece(template: ChatTemplate, messages: readonly ChatMessage[]): number {
  const steps = template.renderSteps(messages, { tools, fit: true });
  let longest = 0;
  for (let isDone = false; !isDone; )
    longest = Math.max(
      longest,
      cost(() => void (isDone = steps.next().done === true)),
    );
  return longest;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
const shown = (ms: number): string => ms.toFixed(1).padStart(8);

const messages = conversation(Number(options.messages));
console.log(`${messages.length} messages, ${tools.length} tools\n   first   median    piece   derive  characters`);
for (const file of positionals.length > 0 ? positionals : [undefined]) {
  const template = compileTemplate(file === undefined ? CHATML_TEMPLATE : fs.readFileSync(file, 'utf8'), {
    bosToken: '<s>',
    eosToken: '</s>',
    controlTexts: ['<|im_start|>', '<|im_end|>', '<s>', '</s>', '<think>', '</think>', '<tool_call>', '</tool_call>'],
  });
  let length = 0;
  const costs = Array.from({ length: Number(options.rounds) }, () =>
    cost(() => void (length = template.render(messages, { tools, fit: true }).text.length)),
  );
  const derive = cost(() => void deriveAnswerParser(template));
  console.log(
    `${shown(costs[0])} ${shown(median(costs))} ${shown(longestPiece(template, messages))} ${shown(derive)} ${String(length).padStart(11)}  ${file ?? 'ChatML'}`,
  );
}
