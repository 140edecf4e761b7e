/** Counts what is written as a warning from here on: the parts of a build have loggers of their own, which all end at the console or at stderr. */
export class WarningCount {
  count = 0;
  readonly #warn = console.warn;
  readonly #write = process.stderr.write.bind(process.stderr);

  constructor() {
    console.warn = (...words) => {
      this.count++;
      this.#warn(...words);
    };
    process.stderr.write = ((...given: Parameters<typeof process.stderr.write>) => {
      if (/\bwarn(ing)?\b|\(!\)/i.test(String(given[0]))) this.count++;
      return this.#write(...given);
    }) as typeof process.stderr.write;
  }

  /** Lets the console be as it was. */
  stop(): void {
    console.warn = this.#warn;
    process.stderr.write = this.#write;
  }
}
