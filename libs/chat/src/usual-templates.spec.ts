import { CHATML_TEMPLATE, compileTemplate } from './template.js';
import { USUAL_TEMPLATE_NAMES, usualTemplate } from './usual-templates.js';

const conversation = [
  { role: 'system', content: ' You are a test. ' },
  { role: 'user', content: 'Hi there' },
  { role: 'assistant', content: 'Hello' },
  { role: 'user', content: 'Bye' },
];
const rendered = (name: string, messages = conversation): string =>
  compileTemplate(usualTemplate(name) ?? '').render(messages).text;

describe('usual chat templates', () => {
  it.each([
    [
      'chatml',
      '<|im_start|>system\n You are a test. <|im_end|>\n<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n',
    ],
    [
      'llama3',
      '<|start_header_id|>system<|end_header_id|>\n\nYou are a test.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi there<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
    ],
    [
      'command-r',
      '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>You are a test.<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi there<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Hello<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Bye<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>',
    ],
    [
      'gemma',
      '<start_of_turn>user\nYou are a test.\n\nHi there<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n',
    ],
    ['llama2', '[INST] <<SYS>>\n You are a test. \n<</SYS>>\n\nHi there [/INST]Hello</s>[INST] Bye [/INST]'],
    ['mistral-v1', ' [INST]  You are a test. \n\nHi there [/INST] Hello</s> [INST] Bye [/INST]'],
    [
      'deepseek3',
      ' You are a test. \n\n<｜User｜>Hi there<｜Assistant｜>Hello<｜end▁of▁sentence｜><｜User｜>Bye<｜Assistant｜>',
    ],
  ])('%s writes turns as its models know them', (name, text) => {
    expect(rendered(name)).toBe(text);
  });

  it('all compile and show each message once', () => {
    for (const name of USUAL_TEMPLATE_NAMES) {
      const text = rendered(name);
      for (const { content } of conversation) expect(text.split(content.trim())).toHaveLength(2);
    }
  });

  it('knows its names alone', () => {
    expect(usualTemplate('chatlm')).toBeUndefined();
    expect(usualTemplate('constructor')).toBeUndefined();
    expect(usualTemplate('chatml')).toBe(CHATML_TEMPLATE);
  });
});
