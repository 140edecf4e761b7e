import type { ToolDefinition } from '@starling/chat';
import type { EmbedOptions } from '@starling/engine';
import type { SamplingDefaults } from './config/answer-settings.js';

/** What the operator said for requests that say nothing themselves. */
export interface OperatorDefaults {
  /** How tokens are chosen, which the model itself knows; where there is anything, it stands in place of an API's own defaults. */
  readonly sampling?: SamplingDefaults;
  /** Tokens of one answer, at most, where a request does not say; Infinity in a request: no limit. */
  readonly maxTokens?: number;
  /** Tokens of reasoning, at most, where a request does not say; Infinity in a request: no limit. */
  readonly reasoningTokens?: number;
  /** How embeddings are pooled. */
  readonly pooling?: EmbedOptions['pooling'];
  /** How they are scaled, by the numbers of `scaled`. */
  readonly embdNormalize?: number;
  /** Whether models have the operator's chat template in place of their own. */
  readonly hasOwnTemplate?: boolean;
  /** Variables of the chat template. */
  readonly templateVariables?: (tools: readonly ToolDefinition[]) => Readonly<Record<string, unknown>>;
}
