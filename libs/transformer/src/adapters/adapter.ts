import type { GgufModel, TensorInfo } from '@starling/gguf';

/** An adapter to be loaded beside a model. */
export interface AdapterSource {
  /** What requests call it. */
  readonly id: string;
  /** A LoRA file, or one of control vectors. May be closed once the model has been loaded. */
  readonly file: GgufModel;
  /** Of a control vector: the first and the last layer that it is added to. Default: all that it has a direction for. */
  readonly layers?: readonly [first: number, last: number];
}

/** Two thin matrices beside one of the model: y += scale * factor * up (down x). */
export interface LoraPair {
  /** (rank, columns); of the embedding table (vocabulary, rank). */
  readonly down: TensorInfo;
  /** (rows, rank) */
  readonly up: TensorInfo;
  readonly rank: number;
  readonly factor: number;
}

/** What all kinds have. */
interface AdapterBase {
  readonly id: string;
  readonly file: GgufModel;
  /** Of its bytes. */
  readonly digest: string;
}

/** Low-rank changes of matrices, by the names of the model's tensors. */
export interface LoraAdapter extends AdapterBase {
  readonly kind: 'lora';
  readonly pairs: ReadonlyMap<string, LoraPair>;
}

/** A direction for the residual stream after each layer, by the number of the layer. */
export interface ControlVector extends AdapterBase {
  readonly kind: 'controlVector';
  readonly directions: ReadonlyMap<number, TensorInfo>;
}

export type Adapter = LoraAdapter | ControlVector;
