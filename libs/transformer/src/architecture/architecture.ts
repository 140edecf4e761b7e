import type { ModelReader } from './model-reader.js';
import type { ModelSpec } from './model-spec.js';

/** One architecture: its name in files, and how its blocks are put together from shared parts. */
export interface Architecture {
  /** `general.architecture`. */
  readonly name: string;
  /** The models that go by it, for people. */
  readonly families: string;
  /** Keys below the name whose product is the longest context for which results are right; where one is missing or 0 there is no limit. */
  readonly contextLimitKeys?: readonly string[];
  /** A sequence is a text that is read and one that is written, each as long as the context that the model was trained with. */
  readonly hasTwoTexts?: boolean;
  /** Finds and checks everything in the file. Allocates nothing large. @throws StarlingError `invalid_model_file` */
  read(reader: ModelReader): ModelSpec;
}
