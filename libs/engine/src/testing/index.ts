export { BOS, EOS, MARK, byteTokenizer } from './byte-tokenizer.js';
export {
  scriptedModel,
  type Script,
  type ScriptedAnswer,
  type ScriptedModelOptions,
  type ScriptedToolCall,
} from './scripted-model.js';
