import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { claudeCodeChat, codexChat } from './support/agent-traffic.js';
import { writeScriptedModel } from './support/scripted-model.js';
import { startServer, type RunningServer } from './support/starling-process.js';
import { TOOL_TEMPLATE } from './support/tool-template.js';

/** The nightly run has prompts as long as those programs'. */
const isNightly = process.env.STARLING_PROPERTY_RUNS !== undefined;
const PROMPT_TOKENS = isNightly ? 30_000 : 6000;
const REQUESTS = isNightly ? 12 : 5;

/** Each answer thinks, says something and calls a tool. */
const SCRIPT = [
  '<think>',
  '\nThe notes have to be read',
  ' before I can say anything.',
  '\n</think>\n\n',
  'I will read',
  ' the notes.',
  '\n<tool_call>\n{"name": "',
  'read_file',
  '", "arguments": {"path": ',
  '"notes.txt"}',
  '}\n</tool_call>',
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-agents-'));
let server: RunningServer;
beforeAll(async () => {
  const model = path.join(folder, 'scripted.gguf');
  await writeScriptedModel(model, {
    scripts: { '\n': SCRIPT, '\t': SCRIPT },
    template: TOOL_TEMPLATE,
    contextLength: 65_536,
  });
  server = await startServer(['-m', model, '--ctx-size', '49152', '--log-level', 'silent']);
});
afterAll(async () => {
  await server?.stop();
  fs.rmSync(folder, { recursive: true });
});

describe('over 95 % of each prompt is known from the second request on', () => {
  it.each([
    ['Codex', 'sends reasoning back', codexChat, true],
    ['Codex', 'drops reasoning', codexChat, false],
    ['Claude Code', 'sends reasoning back', claudeCodeChat, true],
    ['Claude Code', 'drops reasoning', claudeCodeChat, false],
  ] as const)(
    'where a client like %s %s',
    async (client, habit, chat, keepsReasoning) => {
      const figures = await chat({
        url: server.url,
        folder: `${client} ${habit}`,
        promptTokens: PROMPT_TOKENS,
        requests: REQUESTS,
        keepsReasoning,
      });
      expect(figures).toHaveLength(REQUESTS);
      expect(figures[0].prompt).toBeGreaterThan(0.9 * PROMPT_TOKENS);
      expect(figures.slice(1).filter(({ prompt, cached }) => cached <= 0.95 * prompt)).toEqual([]);
    },
    600_000,
  );
});
