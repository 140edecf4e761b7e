import type { ModelReader } from './model-reader.js';
import type { ModelSpec } from './model-spec.js';

/** One architecture: its name in files, and how its blocks are put together from shared parts. */
export interface Architecture {
  /** `general.architecture`. */
  readonly name: string;
  /** Finds and checks everything in the file. Allocates nothing large. @throws StarlingError `invalid_model_file` */
  read(reader: ModelReader): ModelSpec;
}
