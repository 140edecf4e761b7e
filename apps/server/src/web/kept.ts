/** Small values that the browser keeps, as JSON. Where it keeps nothing, or has no room, they are forgotten. */
export interface Kept {
  read<T>(name: string): T | undefined;
  write(name: string, value: unknown): void;
}

function keptIn(storage: () => Storage): Kept {
  return {
    read<T>(name: string): T | undefined {
      try {
        const text = storage().getItem(name);
        return text === null ? undefined : (JSON.parse(text) as T);
      } catch {
        return undefined;
      }
    },
    write(name, value) {
      try {
        storage().setItem(name, JSON.stringify(value));
      } catch {
        // Nothing that could not be chosen again.
      }
    },
  };
}

/** Beyond the tab. */
export const keptOnDevice = keptIn(() => localStorage);
/** As long as the tab. */
export const keptForTab = keptIn(() => sessionStorage);
