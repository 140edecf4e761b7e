/** Receives what a library tells of its work. Libraries emit typed events; the app joins them to metrics, logs and traces. */
export type Listener<Event> = (event: Event) => void;

/** A list of listeners for one kind of event. A listener that throws does not disturb the emitter or the other listeners. */
export class Emitter<Event> {
  readonly #listeners = new Set<Listener<Event>>();

  /** Adds a listener; the returned function takes it off again. */
  on(listener: Listener<Event>): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
