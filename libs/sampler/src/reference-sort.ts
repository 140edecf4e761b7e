/**
 * Sorting in the element order of the C++ standard library of GCC (introsort; heap selection for partial sorts), so that equal
 * and unordered (NaN) keys end up where the reference engine has them. Each function permutes `order`, a list of positions, by
 * descending `keys[position]`; only "greater than" is ever asked of two keys.
 * Algorithms: Musser, "Introspective sorting and selection algorithms" (1997); Williams, "Heapsort" (1964).
 */
const INSERTION_LIMIT = 16;
const BLOCK = 8;

/** Sorts `order[first, last)` by descending key. */
export function sortDescending(order: Int32Array, first: number, last: number, keys: Float32Array): void {
  if (last - first < 2) return;
  introsort(order, first, last, keys, 2 * (31 - Math.clz32(last - first)));
  if (last - first > INSERTION_LIMIT) {
    insertionSort(order, first, first + INSERTION_LIMIT, keys);
    for (let i = first + INSERTION_LIMIT; i < last; i++) insertUnguarded(order, i, keys);
  } else {
    insertionSort(order, first, last, keys);
  }
}

/** Brings the largest `middle - first` of `order[first, last)` to its front, sorted; the rest stays in no useful order. */
export function partialSortDescending(
  order: Int32Array,
  first: number,
  middle: number,
  last: number,
  keys: Float32Array,
): void {
  const count = middle - first;
  if (count <= 0) return;
  makeHeap(order, first, count, keys);
  for (let i = middle; i < last; i++) {
    const value = order[i];
    if (keys[value] > keys[order[first]]) {
      order[i] = order[first];
      siftDown(order, first, 0, count, value, keys);
    }
  }
  sortHeap(order, first, count, keys);
}

/**
 * The positions of the `count` largest of `keys[0, length)`, in descending order, into `order[0, count)`: the same order as a
 * partial sort of all positions, without a list of all positions. 0 < count <= length.
 */
export function selectTop(order: Int32Array, count: number, keys: Float32Array, length: number): void {
  for (let i = 0; i < count; i++) order[i] = i;
  makeHeap(order, 0, count, keys);
  let i = count;
  for (let smallest = keys[order[0]]; i + BLOCK <= length; i += BLOCK) {
    if (!anyGreater(keys, i, smallest)) continue;
    takeGreater(order, count, keys, i, i + BLOCK);
    smallest = keys[order[0]];
  }
  takeGreater(order, count, keys, i, length);
  sortHeap(order, 0, count, keys);
}

/** Whether one of the `BLOCK` keys from `start` on is greater: one test for most of a vocabulary. */
function anyGreater(keys: Float32Array, start: number, than: number): boolean {
  return (
    keys[start] > than ||
    keys[start + 1] > than ||
    keys[start + 2] > than ||
    keys[start + 3] > than ||
    keys[start + 4] > than ||
    keys[start + 5] > than ||
    keys[start + 6] > than ||
    keys[start + 7] > than
  );
}

/** Puts those of the positions `[start, end)` into the heap `order[0, count)` whose keys are greater than its smallest. */
function takeGreater(order: Int32Array, count: number, keys: Float32Array, start: number, end: number): void {
  for (let i = start; i < end; i++) if (keys[i] > keys[order[0]]) siftDown(order, 0, 0, count, i, keys);
}

function introsort(order: Int32Array, first: number, end: number, keys: Float32Array, depthLimit: number): void {
  let last = end;
  for (let depth = depthLimit; last - first > INSERTION_LIMIT; depth--) {
    if (depth === 0) {
      partialSortDescending(order, first, last, last, keys);
      return;
    }
    const cut = partition(order, first, last, keys);
    introsort(order, cut, last, keys, depth - 1);
    last = cut;
  }
}

/** Splits around the median of three, which goes to `first`. */
function partition(order: Int32Array, first: number, last: number, keys: Float32Array): number {
  medianToFirst(order, first, first + 1, first + ((last - first) >> 1), last - 1, keys);
  const pivot = keys[order[first]];
  let low = first + 1;
  let high = last;
  for (;;) {
    while (keys[order[low]] > pivot) low++;
    high--;
    while (pivot > keys[order[high]]) high--;
    if (low >= high) return low;
    swap(order, low, high);
    low++;
  }
}

function medianToFirst(order: Int32Array, first: number, a: number, b: number, c: number, keys: Float32Array): void {
  const keyA = keys[order[a]];
  const keyB = keys[order[b]];
  const keyC = keys[order[c]];
  if (keyA > keyB) {
    if (keyB > keyC) swap(order, first, b);
    else if (keyA > keyC) swap(order, first, c);
    else swap(order, first, a);
  } else if (keyA > keyC) swap(order, first, a);
  else if (keyB > keyC) swap(order, first, c);
  else swap(order, first, b);
}

function insertionSort(order: Int32Array, first: number, last: number, keys: Float32Array): void {
  for (let i = first + 1; i < last; i++) {
    const value = order[i];
    if (keys[value] > keys[order[first]]) {
      order.copyWithin(first + 1, first, i);
      order[first] = value;
    } else {
      insertUnguarded(order, i, keys);
    }
  }
}

/** Moves `order[position]` left past smaller keys; some key to its left is not smaller. */
function insertUnguarded(order: Int32Array, position: number, keys: Float32Array): void {
  const value = order[position];
  const key = keys[value];
  let hole = position;
  while (key > keys[order[hole - 1]]) {
    order[hole] = order[hole - 1];
    hole--;
  }
  order[hole] = value;
}

function makeHeap(order: Int32Array, first: number, count: number, keys: Float32Array): void {
  for (let parent = (count - 2) >> 1; parent >= 0; parent--)
    siftDown(order, first, parent, count, order[first + parent], keys);
}

function sortHeap(order: Int32Array, first: number, count: number, keys: Float32Array): void {
  for (let last = count - 1; last > 0; last--) {
    const value = order[first + last];
    order[first + last] = order[first];
    siftDown(order, first, 0, last, value, keys);
  }
}

/** Lets the hole at `start` of the heap `order[first, first + count)` sink to a leaf, then `value` rise from there. */
function siftDown(
  order: Int32Array,
  first: number,
  start: number,
  count: number,
  value: number,
  keys: Float32Array,
): void {
  let hole = start;
  let child = start;
  while (child < (count - 1) >> 1) {
    child = 2 * (child + 1);
    if (keys[order[first + child]] > keys[order[first + child - 1]]) child--;
    order[first + hole] = order[first + child];
    hole = child;
  }
  if ((count & 1) === 0 && child === (count - 2) >> 1) {
    child = 2 * (child + 1);
    order[first + hole] = order[first + child - 1];
    hole = child - 1;
  }
  const key = keys[value];
  let parent = (hole - 1) >> 1;
  while (hole > start && keys[order[first + parent]] > key) {
    order[first + hole] = order[first + parent];
    hole = parent;
    parent = (hole - 1) >> 1;
  }
  order[first + hole] = value;
}

function swap(order: Int32Array, a: number, b: number): void {
  const held = order[a];
  order[a] = order[b];
  order[b] = held;
}
