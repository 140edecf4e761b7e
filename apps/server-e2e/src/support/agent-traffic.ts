import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

/** What one request of a conversation was: tokens of its prompt, and how many of them were known. */
export interface RequestFigures {
  readonly request: number;
  readonly prompt: number;
  readonly cached: number;
}

export interface AgentChat {
  readonly url: string;
  /** Begins the instructions: conversations of two folders have nothing in common. */
  readonly folder: string;
  /** Tokens of the first prompt, about, where a token is a byte. */
  readonly promptTokens: number;
  /** Requests that the conversation comes to. */
  readonly requests: number;
  /** Whether the client sends back what the model thought. */
  readonly keepsReasoning: boolean;
}

/** As much of the instructions as makes a prompt of its length: the other parts come to some 2,000. */
const instructionsOf = ({ folder, promptTokens }: AgentChat): string =>
  `The folder is ${folder}. ` +
  'Read a file before you change it, change as little as will do, and say what you did. '.repeat(
    Math.ceil(Math.max(0, promptTokens - 2000) / 85),
  );

const TOOLS = ['read_file', 'write_file', 'search', 'run'].map((name) => ({
  name,
  description: `The tool ${name} of a program that works on a folder of files. `.repeat(3),
  parameters: {
    type: 'object' as const,
    properties: { path: { type: 'string', description: 'Where.' }, limit: { type: 'number' } },
    required: ['path'],
    additionalProperties: false,
  },
}));

/** What a tool finds: a fiftieth of the prompt. */
const noteOf = ({ promptTokens }: AgentChat, request: number): string =>
  `Note ${request}: ${'nothing new. '.repeat(promptTokens / 650)}`;

/** Every third request the user says something; else the tool that was called has answered. */
const isUsers = (request: number): boolean => request % 3 === 0;

/**
 * A conversation as Codex has it: everything is sent again with each request, in items; nothing is stored; tools of kinds that no other server
 * has among them; instructions come in three places.
 */
export async function codexChat(chat: AgentChat): Promise<RequestFigures[]> {
  const { url, requests, keepsReasoning } = chat;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  const text = (role: string, content: string): object => ({
    type: 'message',
    role,
    content: [{ type: 'input_text', text: content }],
  });
  const input: object[] = [
    text('developer', '<permissions>The folder may be written; the network may not be reached.</permissions>'),
    text('user', '<environment_context><cwd>/work</cwd><shell>bash</shell></environment_context>'),
    text('user', 'What do the notes say?'),
  ];
  const body = {
    model: 'gpt-5-codex',
    instructions: instructionsOf(chat),
    tools: [
      ...TOOLS.map((tool) => ({ type: 'function', ...tool, strict: false })),
      { type: 'local_shell' },
      {
        type: 'custom',
        name: 'apply_patch',
        description: 'Changes files.',
        format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
      },
      { type: 'web_search', external_web_access: false },
      {
        type: 'namespace',
        name: 'mcp__files',
        description: 'Files.',
        tools: [{ type: 'function', name: 'stat', parameters: null }],
      },
      { type: 'image_generation', output_format: 'png' },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: { effort: 'medium', summary: 'auto' },
    store: false,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: '0199a213-81c0-7800-8aa1-bbab2a035a53',
    client_metadata: { 'x-codex-installation-id': '5b1c' },
  };
  const figures: RequestFigures[] = [];
  for (let request = 1; request <= requests; request++) {
    // The client's types do not know all that the program sends.
    const params = { ...body, input } as unknown as Parameters<typeof client.responses.stream>[0];
    const { output, usage } = await client.responses.stream(params).finalResponse();
    figures.push({ request, prompt: usage!.input_tokens, cached: usage!.input_tokens_details.cached_tokens });
    for (const item of output) {
      // Ids are left out where nothing is stored, and what is null stays.
      if (item.type === 'reasoning' && keepsReasoning)
        input.push({ type: 'reasoning', summary: item.summary, content: item.content, encrypted_content: null });
      if (item.type === 'message')
        input.push({
          type: 'message',
          role: 'assistant',
          content: item.content.map((part) =>
            part.type === 'output_text' ? { type: part.type, text: part.text } : part,
          ),
        });
      if (item.type !== 'function_call') continue;
      input.push({ type: 'function_call', name: item.name, arguments: item.arguments, call_id: item.call_id });
      input.push({
        type: 'function_call_output',
        call_id: item.call_id,
        output: `Exit code: 0\nOutput:\n${noteOf(chat, request)}`,
      });
    }
    if (isUsers(request))
      input.push(
        text('developer', '<permissions>Nothing may be written.</permissions>'),
        text('user', `And note ${request}?`),
      );
  }
  return figures;
}

/**
 * A conversation as Claude Code has it: a line of attribution before the instructions that is another each time, a place to cache up to that
 * moves, instructions behind the user's words that stay where they were, or come last each time; and small requests of its own in between.
 */
export async function claudeCodeChat(chat: AgentChat): Promise<RequestFigures[]> {
  const { url, requests, keepsReasoning } = chat;
  const client = new Anthropic({ baseURL: url, apiKey: null, authToken: 'none', maxRetries: 0 });
  const cache = { cache_control: { type: 'ephemeral' } };
  const text = (words: string): Record<string, unknown> => ({ type: 'text', text: words });
  const messages: { role: string; content: Record<string, unknown>[] }[] = [
    {
      role: 'user',
      content: [text('<system-reminder>\nThe day is fixed.\n</system-reminder>'), text('What do the notes say?')],
    },
    { role: 'system', content: [text('Available agent types: general, search.')] },
  ];
  const tools = [
    ...TOOLS.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters })),
    { type: 'web_search_20250305', name: 'web_search', max_uses: 8 },
    {
      type: 'custom',
      name: 'ask',
      description: 'Asks the user.',
      input_schema: { type: 'object', properties: {} },
      eager_input_streaming: true,
    },
  ];
  const figures: RequestFigures[] = [];
  for (let request = 1; request <= requests; request++) {
    const marked = messages.map((message, i) =>
      i < messages.length - 1
        ? message
        : {
            ...message,
            content: message.content.map((block, k) =>
              k < message.content.length - 1 ? block : { ...block, ...cache },
            ),
          },
    );
    const params = {
      model: 'claude-opus-4-8',
      max_tokens: 32_000,
      system: [
        text(
          `x-anthropic-billing-header: cc_version=2.1.${request * request}; cc_entrypoint=cli; cch=${(request * 48_271).toString(16)};`,
        ),
        { ...text(`You work on files of ${chat.folder}.`), ...cache },
        { ...text(instructionsOf(chat)), ...cache },
      ],
      messages: [...marked, { role: 'system', content: [text(`Files that are open: ${request}.txt`)] }],
      tools,
      metadata: { user_id: `user_${request}` },
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'high' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      betas: ['claude-code-20250219', 'mid-conversation-system-2026-04-07', 'unknown-2027-01-01'],
    } as unknown as Parameters<typeof client.beta.messages.stream>[0];
    const { content, usage } = await client.beta.messages.stream(params).finalMessage();
    const cached = usage.cache_read_input_tokens ?? 0;
    figures.push({ request, prompt: usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + cached, cached });
    messages.push({
      role: 'assistant',
      content: content.filter((block) => keepsReasoning || block.type !== 'thinking').map((block) => ({ ...block })),
    });
    const results = content.flatMap((block) =>
      block.type === 'tool_use'
        ? [{ type: 'tool_result', tool_use_id: block.id, content: [text(noteOf(chat, request))] }]
        : [],
    );
    messages.push({
      role: 'user',
      content: [...results, ...(isUsers(request) || results.length === 0 ? [text(`And note ${request}?`)] : [])],
    });
    await client.beta.messages.create({
      model: 'claude-haiku-4-5',
      max_tokens: 4,
      system: 'Give the conversation a title.',
      messages: [{ role: 'user', content: `note ${request}` }],
    });
  }
  return figures;
}
