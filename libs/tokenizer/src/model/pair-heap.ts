/** A binary heap of (cost, position), least cost first, then least position; entries may be outdated, which its user checks. */
export class PairHeap {
  private costs = new Int32Array(64);
  private positions = new Int32Array(64);
  private count = 0;
  /** The cost of the entry that `pop` took out last. */
  cost = 0;

  clear(): void {
    this.count = 0;
  }

  push(cost: number, position: number): void {
    if (this.count === this.costs.length) this.grow();
    const { costs, positions } = this;
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (costs[parent] < cost || (costs[parent] === cost && positions[parent] <= position)) break;
      costs[at] = costs[parent];
      positions[at] = positions[parent];
      at = parent;
    }
    costs[at] = cost;
    positions[at] = position;
  }

  /** Takes out the first entry: returns its position and leaves its cost in `cost`; -1 if there is none. */
  pop(): number {
    if (this.count === 0) return -1;
    const { costs, positions } = this;
    const first = positions[0];
    this.cost = costs[0];
    const last = --this.count;
    const cost = costs[last];
    const position = positions[last];
    let at = 0;
    for (let child = 1; child < last; child = at * 2 + 1) {
      const right = child + 1;
      if (
        right < last &&
        (costs[right] < costs[child] || (costs[right] === costs[child] && positions[right] < positions[child]))
      )
        child = right;
      if (cost < costs[child] || (cost === costs[child] && position <= positions[child])) break;
      costs[at] = costs[child];
      positions[at] = positions[child];
      at = child;
    }
    costs[at] = cost;
    positions[at] = position;
    return first;
  }

  /** Lets go of room that one huge word needed. */
  release(): void {
    if (this.costs.length <= 1 << 16) return;
    this.costs = new Int32Array(64);
    this.positions = new Int32Array(64);
  }

  private grow(): void {
    const costs = new Int32Array(this.costs.length * 2);
    const positions = new Int32Array(costs.length);
    costs.set(this.costs);
    positions.set(this.positions);
    this.costs = costs;
    this.positions = positions;
  }
}
