import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { groupBytes, GROUP_VALUES, PAIR_BYTES, type BlockLayout, type QuantSpec } from './quant-spec.js';

/** Scales that lie in one word of a panel's block. */
const SCALES_OF_WORD = 4;

/** Where a run of panels is being read. */
export interface BlockPlaces {
  readonly block: Local<'i32'>;
  /** The block moved on by the codes, and by the scales, of the groups that are done. */
  readonly codes: Local<'i32'>;
  readonly scales: Local<'i32'>;
}

/**
 * Emits the walk over the groups of a block, for some runs of panels at once. Eight groups one after another would be more code than
 * processors keep decoded (Q6_K took a third longer), so those that share a word of scales are, and come again for the rest of the block.
 */
export class BlockLoop {
  readonly runs: readonly BlockPlaces[];
  /** Groups that are emitted one after another. */
  private readonly groups: number;
  private readonly loops: boolean;
  private readonly end: Local<'i32'>;

  constructor(
    private readonly f: CodeBuilder,
    private readonly spec: QuantSpec,
    private readonly layout: BlockLayout,
    runs: number,
  ) {
    this.groups = spec.scale === 'super' ? (SCALES_OF_WORD * spec.subValues) / GROUP_VALUES : layout.groups;
    this.loops = this.groups < layout.groups;
    this.end = f.local('i32');
    this.runs = f.locals('i32', runs).map((block) => ({
      block,
      codes: this.loops ? f.local('i32') : block,
      scales: this.loops ? f.local('i32') : block,
    }));
  }

  /** Emits `emitGroup` for the groups of one block of each run, and moves on to the next block. @param activations moved on likewise */
  emit(activations: readonly Local<'i32'>[], emitGroup: (group: number) => void): void {
    const { f, runs, groups, layout, end } = this;
    const emitGroups = (): void => {
      for (let group = 0; group < groups; group++) emitGroup(group);
      for (const at of activations) f.advance(at, ACTIVATION_BLOCK.bytes * groups);
    };
    if (this.loops) {
      for (const { block, codes, scales } of runs) for (const place of [codes, scales]) f.set(place, block);
      f.set(end, i32.add(activations[0], ACTIVATION_BLOCK.bytes * layout.groups));
      f.loop((again) => {
        emitGroups();
        for (const { codes, scales } of runs) {
          f.advance(codes, groups * groupBytes(this.spec));
          f.advance(scales, PAIR_BYTES);
        }
        f.branchIf(again, i32.ltU(activations[0], end));
      });
    } else emitGroups();
    for (const { block } of runs) f.advance(block, layout.bytes);
  }
}
