import { CHATML_TEMPLATE } from './template.js';

/** What stands around a message of one role. */
interface Turn {
  readonly before: string;
  readonly after: string;
}

/** A way of writing conversations that needs no logic: what stands around messages, and what asks for the answer. */
interface UsualFormat {
  readonly begin?: string;
  readonly system: Turn;
  readonly user: Turn;
  readonly assistant: Turn;
  /** The system message, with what stands around it, is put into the next user's turn. */
  readonly systemInUser?: true;
  /** White space around messages is dropped. */
  readonly trims?: true;
  readonly ask: string;
}

const turn = (before: string, after: string): Turn => ({ before, after });

/** All roles alike but for their names. */
function alike(write: (role: string) => string, after: string, ask = write('assistant')): UsualFormat {
  return {
    system: turn(write('system'), after),
    user: turn(write('user'), after),
    assistant: turn(write('assistant'), after),
    ask,
  };
}

const FORMATS = {
  'command-r': {
    ...alike(
      (role) => `<|START_OF_TURN_TOKEN|><|${{ system: 'SYSTEM', user: 'USER' }[role] ?? 'CHATBOT'}_TOKEN|>`,
      '<|END_OF_TURN_TOKEN|>',
    ),
    trims: true,
  },
  chatglm4: { ...alike((role) => `<|${role}|>\n`, ''), begin: '[gMASK]<sop>' },
  deepseek: {
    system: turn('', ''),
    user: turn('### Instruction:\n', '\n'),
    assistant: turn('### Response:\n', '\n<|EOT|>\n'),
    ask: '### Response:\n',
  },
  deepseek2: {
    system: turn('', '\n\n'),
    user: turn('User: ', '\n\n'),
    assistant: turn('Assistant: ', '<｜end▁of▁sentence｜>'),
    ask: 'Assistant:',
  },
  deepseek3: {
    system: turn('', '\n\n'),
    user: turn('<｜User｜>', ''),
    assistant: turn('<｜Assistant｜>', '<｜end▁of▁sentence｜>'),
    ask: '<｜Assistant｜>',
  },
  exaone3: {
    system: turn('[|system|]', '[|endofturn|]\n'),
    user: turn('[|user|]', '\n'),
    assistant: turn('[|assistant|]', '[|endofturn|]\n'),
    ask: '[|assistant|]',
    trims: true,
  },
  falcon3: alike((role) => `<|${role}|>\n`, '\n'),
  gemma: {
    system: turn('', '\n\n'),
    user: turn('<start_of_turn>user\n', '<end_of_turn>\n'),
    assistant: turn('<start_of_turn>model\n', '<end_of_turn>\n'),
    systemInUser: true,
    trims: true,
    ask: '<start_of_turn>model\n',
  },
  granite: alike((role) => `<|start_of_role|>${role}<|end_of_role|>`, '<|end_of_text|>\n'),
  llama2: {
    system: turn('<<SYS>>\n', '\n<</SYS>>\n\n'),
    user: turn('[INST] ', ' [/INST]'),
    assistant: turn('', '</s>'),
    systemInUser: true,
    ask: '',
  },
  llama3: { ...alike((role) => `<|start_header_id|>${role}<|end_header_id|>\n\n`, '<|eot_id|>'), trims: true },
  llama4: { ...alike((role) => `<|header_start|>${role}<|header_end|>\n\n`, '<|eot|>'), trims: true },
  'mistral-v1': {
    system: turn('', '\n\n'),
    user: turn(' [INST] ', ' [/INST]'),
    assistant: turn(' ', '</s>'),
    systemInUser: true,
    ask: '',
  },
  'mistral-v3': {
    system: turn('', '\n\n'),
    user: turn('[INST] ', '[/INST]'),
    assistant: turn(' ', '</s>'),
    systemInUser: true,
    ask: '',
  },
  'mistral-v3-tekken': {
    system: turn('', '\n\n'),
    user: turn('[INST]', '[/INST]'),
    assistant: turn('', '</s>'),
    systemInUser: true,
    ask: '',
  },
  'mistral-v7': {
    system: turn('[SYSTEM_PROMPT] ', '[/SYSTEM_PROMPT]'),
    user: turn('[INST] ', '[/INST]'),
    assistant: turn(' ', '</s>'),
    ask: '',
  },
  'mistral-v7-tekken': {
    system: turn('[SYSTEM_PROMPT]', '[/SYSTEM_PROMPT]'),
    user: turn('[INST]', '[/INST]'),
    assistant: turn('', '</s>'),
    ask: '',
  },
  openchat: {
    system: turn('', '<|end_of_turn|>'),
    user: turn('GPT4 Correct User: ', '<|end_of_turn|>'),
    assistant: turn('GPT4 Correct Assistant: ', '<|end_of_turn|>'),
    ask: 'GPT4 Correct Assistant:',
  },
  orion: {
    system: turn('', '\n\n'),
    user: turn('Human: ', '\n\nAssistant: </s>'),
    assistant: turn('', '</s>'),
    systemInUser: true,
    ask: '',
  },
  phi3: alike((role) => `<|${role}|>\n`, '<|end|>\n'),
  phi4: alike((role) => `<|im_start|>${role}<|im_sep|>`, '<|im_end|>'),
  vicuna: {
    system: turn('', '\n\n'),
    user: turn('USER: ', '\n'),
    assistant: turn('ASSISTANT: ', '</s>\n'),
    ask: 'ASSISTANT:',
  },
  zephyr: alike((role) => `<|${role}|>\n`, '<|endoftext|>\n'),
} as const satisfies Record<string, UsualFormat>;

/** Names of usual ways of writing conversations, as llama-server has them. */
export const USUAL_TEMPLATE_NAMES: readonly string[] = ['chatml', ...Object.keys(FORMATS)];

/** The Jinja template of a usual name; undefined for a name that is none. */
export function usualTemplate(name: string): string | undefined {
  if (name === 'chatml') return CHATML_TEMPLATE;
  return Object.hasOwn(FORMATS, name) ? sourceOf(FORMATS[name as keyof typeof FORMATS]) : undefined;
}

function sourceOf({ begin = '', system, user, assistant, systemInUser, trims, ask }: UsualFormat): string {
  const content = `message['content']${trims ? ' | trim' : ''}`;
  const around = ({ before, after }: Turn, inside = 'content'): string =>
    `${quoted(before)} + ${inside} + ${quoted(after)}`;
  return [
    `{%- set ns = namespace(system='') -%}{{- ${quoted(begin)} -}}`,
    `{%- for message in messages -%}{%- set content = ${content} -%}`,
    `{%- if message['role'] == 'system' -%}${systemInUser ? `{%- set ns.system = ns.system + ${around(system)} -%}` : `{{- ${around(system)} -}}`}`,
    `{%- elif message['role'] == 'assistant' -%}{{- ${around(assistant)} -}}`,
    `{%- else -%}{{- ${around(user, 'ns.system + content')} -}}{%- set ns.system = '' -%}`,
    '{%- endif -%}{%- endfor -%}',
    `{%- if add_generation_prompt -%}{{- ${quoted(ask)} -}}{%- endif -%}`,
  ].join('');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;
}
