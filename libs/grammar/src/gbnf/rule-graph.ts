/** Which rules lead to which, over all rules of a grammar. */
export type RuleEdges = ReadonlyMap<string, ReadonlySet<string>>;

/** The rules of a grammar in an order in which each comes after those that it leads to, but for cycles. */
export interface RuleOrder {
  readonly order: readonly string[];
  /** Rules that lead to themselves, directly or through others. */
  readonly cyclic: ReadonlySet<string>;
}

/** Edges that are followed between two stops. */
const PIECE_STEPS = 1024;

interface Visit {
  readonly name: string;
  readonly next: Iterator<string>;
}

/**
 * Tarjan's strongly connected components ("Depth-first search and linear graph algorithms", 1972), in a loop of its own stack: chains
 * of rules are as long as clients make them. Takes time linear in the number of edges, and stops on the way.
 */
export function* orderRules(edges: RuleEdges): Generator<undefined, RuleOrder> {
  const order: string[] = [];
  const cyclic = new Set<string>();
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const waiting: string[] = [];
  const isWaiting = new Set<string>();
  const open: Visit[] = [];
  let steps = 0;
  const enter = (name: string): void => {
    lowest.set(name, index.size);
    index.set(name, index.size);
    waiting.push(name);
    isWaiting.add(name);
    open.push({ name, next: (edges.get(name) ?? new Set<string>()).values() });
  };
  const lower = (name: string, to: number): void => {
    if (to < lowest.get(name)!) lowest.set(name, to);
  };
  const leave = (name: string): void => {
    if (lowest.get(name) !== index.get(name)) return;
    const component = waiting.splice(waiting.lastIndexOf(name));
    for (const member of component) {
      isWaiting.delete(member);
      order.push(member);
      if (component.length > 1 || edges.get(member)?.has(member)) cyclic.add(member);
    }
  };
  for (const root of edges.keys()) {
    if (index.has(root)) continue;
    enter(root);
    for (let visit = open.at(-1); visit !== undefined; visit = open.at(-1)) {
      if (++steps % PIECE_STEPS === 0) yield;
      const { value: to, done } = visit.next.next();
      if (done === true) {
        open.pop();
        leave(visit.name);
        const caller = open.at(-1);
        if (caller !== undefined) lower(caller.name, lowest.get(visit.name)!);
      } else if (!index.has(to)) enter(to);
      else if (isWaiting.has(to)) lower(visit.name, index.get(to)!);
    }
  }
  return { order, cyclic };
}
