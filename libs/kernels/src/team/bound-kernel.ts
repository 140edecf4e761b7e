/** A kernel as a worker calls it: operands at `descriptor`, units [begin, end). */
export type BoundKernel = (descriptor: number, begin: number, end: number) => void;
