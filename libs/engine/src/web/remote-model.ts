/** A GGUF file on a server. */
export interface RemoteModel {
  /** Relative to the page. Of a split model any part stands for all. */
  readonly url: string | URL;
  /** Sent with each request, for instance `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the file must be: hex. It is read as a whole before anything of it is used. */
  readonly sha256?: string;
  /** Keep the file in the browser's storage (its origin private file system), with checksums, as far as there is room. Default true. */
  readonly cache?: boolean;
}
