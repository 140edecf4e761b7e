import { LIMITS, limitError } from '../limits.js';
import { NO_EXIT, STUCK, type Call, type Machine } from '../machine/machine.js';
import { pathBytes, type TokenTrie } from './token-trie.js';

/**
 * What tokens can do from one state of one machine, whoever called it: those that stay inside, and the places in the tree
 * where the machine may end before the token does.
 */
export interface Reach {
  /** Tokens allowed, as a mask; undefined where `ids` lists them. */
  readonly words: Uint32Array | undefined;
  readonly ids: readonly number[];
  /** Nodes at which the machine ends with bytes of tokens still to come, and its exits there. */
  readonly exitNodes: readonly number[];
  readonly exits: readonly number[];
  /** What happens after those ends, by the call that goes on; made when it is first asked for. */
  after: Map<Call, Reach> | undefined;
}

/** Most tokens are no longer than this; states that tell only longer texts apart share their masks up to here. */
const SHORT_BYTES = 20;

interface Collector {
  readonly words: Uint32Array | undefined;
  readonly ids: number[];
  readonly exitNodes: number[];
  readonly exits: number[];
  /** Pairs of a state and a node that were looked into. */
  readonly seen: Set<number>;
  /** Only places more than `above` and up to `upTo` bytes from the root count. */
  readonly above: number;
  readonly upTo: number;
}

/**
 * Finds which tokens a machine accepts by running it over the token tree: a byte is tried once for all tokens that share the bytes
 * before it. Results depend on a machine's state alone, not on its callers, and are kept.
 */
export class TrieWalk {
  readonly #trie: TokenTrie;
  readonly #wordCount: number;
  readonly #shortRoots = new Map<Machine, Map<number, Reach>>();
  readonly #longRoots = new Map<Machine, Map<number, Reach>>();
  readonly #subtrees = new Map<Machine, Map<number, Reach>>();
  readonly #stacks: Int32Array[] = [];
  #rootCount = 0;
  #subtreeCount = 0;
  #depth = 0;
  #calls = 0;

  constructor(trie: TokenTrie, vocabSize: number) {
    this.#trie = trie;
    this.#wordCount = (vocabSize + 31) >>> 5;
  }

  /**
   * What whole tokens do from a state, apart from the state's own exit, calls and token moves: the short tokens, which states that
   * are alike for so many bytes share, and the long ones.
   */
  fromRoot(machine: Machine, state: number): readonly [short: Reach, long: Reach] {
    return [
      this.#root(this.#shortRoots, machine, machine.alike(state, SHORT_BYTES), 0, SHORT_BYTES),
      this.#root(this.#longRoots, machine, state, SHORT_BYTES, Infinity),
    ];
  }

  #root(roots: Map<Machine, Map<number, Reach>>, machine: Machine, state: number, above: number, upTo: number): Reach {
    let states = roots.get(machine);
    const known = states?.get(state);
    if (known) return known;
    if (this.#rootCount >= 2 * LIMITS.cachedMasks) {
      this.#shortRoots.clear();
      this.#longRoots.clear();
      this.#rootCount = 0;
      states = undefined;
    }
    if (!states) roots.set(machine, (states = new Map()));
    this.#depth = this.#calls = 0;
    const out = newCollector(above === 0 ? new Uint32Array(this.#wordCount) : undefined, above, upTo);
    this.#children(machine, state, 0, out);
    const reach = finish(out);
    states.set(state, reach);
    this.#rootCount++;
    return reach;
  }

  /**
   * What the rest of the tokens does in the caller, at all places where the callee ended. `read` gives the bytes that the callee
   * had read before the token; what follows from them is not kept.
   */
  after(reach: Reach, call: Call, caller: Machine, read: () => readonly number[]): Reach {
    let next = call.capture ? undefined : reach.after?.get(call);
    if (!next) {
      this.#depth = this.#calls = 0;
      const out = newCollector();
      const before = call.capture ? read() : [];
      reach.exitNodes.forEach((node, i) => {
        const state = call.resume(reach.exits[i], () =>
          Uint8Array.from([...before, ...pathBytes(this.#trie, 0, node)]),
        );
        this.#visit(caller, state, node, out);
      });
      next = finish(out);
      if (!call.capture) (reach.after ??= new Map()).set(call, next);
    }
    return next;
  }

  /** Everything that tokens through `node` do from a state, the node's own exit and calls included. */
  #visit(machine: Machine, state: number, node: number, out: Collector): void {
    if (state === STUCK) return;
    const key = state * this.#trie.bytes.length + node;
    if (out.seen.has(key)) return;
    out.seen.add(key);
    if (machine.hasEvents(state)) this.#events(machine, state, node, out);
    this.#children(machine, state, node, out);
  }

  #children(machine: Machine, state: number, node: number, out: Collector): void {
    const { bytes, depths, ends, idStarts, ids, plain, heights } = this.#trie;
    const { words } = out;
    const states = (this.#stacks[this.#depth] ??= new Int32Array(this.#trie.maxDepth + 1));
    this.#depth++;
    states[depths[node]] = state;
    const end = ends[node];
    for (let i = node + 1; i < end; ) {
      const depth = depths[i];
      if (depth + heights[i] <= out.above) {
        i = ends[i];
        continue;
      }
      const next = machine.next(states[depth - 1], bytes[i]);
      if (next === STUCK) {
        i = ends[i];
        continue;
      }
      states[depth] = next;
      if (depth <= out.above) {
        i++;
        continue;
      }
      const isFree =
        plain[i] === 1 && heights[i] > 0 && depth + heights[i] <= out.upTo && machine.freeRun(next) >= heights[i];
      const following = isFree ? ends[i] : i + 1;
      if (words) setBits(words, ids, idStarts[i], idStarts[following]);
      else for (let k = idStarts[i]; k < idStarts[following]; k++) out.ids.push(ids[k]);
      if (isFree) {
        i = following;
        continue;
      }
      if (machine.hasEvents(next) && ends[i] > i + 1) this.#events(machine, next, i, out);
      i = depth < out.upTo ? i + 1 : ends[i];
    }
    this.#depth--;
  }

  #events(machine: Machine, state: number, node: number, out: Collector): void {
    const exit = machine.exit(state);
    if (exit !== NO_EXIT) {
      out.exitNodes.push(node);
      out.exits.push(exit);
    }
    for (const call of machine.calls(state)) {
      if (!this.#mayEnter(call.machine, call.start, node)) continue;
      const reach = this.#subtree(call.machine, call.start, node);
      addIds(out, reach.ids);
      reach.exitNodes.forEach((exitNode, i) => {
        if (call.tail) {
          out.exitNodes.push(exitNode);
          out.exits.push(reach.exits[i]);
        } else
          this.#visit(
            machine,
            call.resume(reach.exits[i], () => Uint8Array.from(pathBytes(this.#trie, node, exitNode))),
            exitNode,
            out,
          );
      });
    }
  }

  /** Whether anything happens from a state on the way down from a node: most calls after white space find nothing that goes on. */
  #mayEnter(machine: Machine, state: number, node: number): boolean {
    if (machine.hasEvents(state)) return true;
    const { bytes, ends } = this.#trie;
    for (let child = node + 1; child < ends[node]; child = ends[child])
      if (machine.next(state, bytes[child]) !== STUCK) return true;
    return false;
  }

  /** What the tokens through a node do from a state. */
  #subtree(machine: Machine, state: number, node: number): Reach {
    const key = state * this.#trie.bytes.length + node;
    const known = this.#subtrees.get(machine)?.get(key);
    if (known) return known;
    if (++this.#calls > LIMITS.callDepth) throw limitError('callDepth', 'rules within each other inside of one token');
    const out = newCollector();
    this.#visit(machine, state, node, out);
    const reach = finish(out);
    this.#calls--;
    if (++this.#subtreeCount > LIMITS.cachedParts) {
      this.#subtrees.clear();
      this.#subtreeCount = 1;
    }
    let states = this.#subtrees.get(machine);
    if (!states) this.#subtrees.set(machine, (states = new Map()));
    states.set(key, reach);
    return reach;
  }
}

function newCollector(words?: Uint32Array, above = 0, upTo = Infinity): Collector {
  return { words, ids: [], exitNodes: [], exits: [], seen: new Set(), above, upTo };
}

function setBits(words: Uint32Array, ids: Int32Array, from: number, to: number): void {
  for (let k = from; k < to; k++) words[ids[k] >>> 5] |= 1 << (ids[k] & 31);
}

/** The same place may be reached in several ways: it counts once. */
function finish({ words, ids, exitNodes, exits }: Collector): Reach {
  if (exitNodes.length < 2) return { words, ids, exitNodes, exits, after: undefined };
  const places = new Map(exitNodes.map((node, i) => [`${node} ${exits[i]}`, i]));
  const kept = places.size === exitNodes.length ? undefined : [...places.values()];
  return {
    words,
    ids,
    exitNodes: kept?.map((i) => exitNodes[i]) ?? exitNodes,
    exits: kept?.map((i) => exits[i]) ?? exits,
    after: undefined,
  };
}

function addIds(out: Collector, ids: readonly number[]): void {
  for (const id of ids) {
    if (out.words) out.words[id >>> 5] |= 1 << (id & 31);
    else out.ids.push(id);
  }
}
