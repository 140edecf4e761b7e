import os from 'node:os';
import { physicalCores } from './physical-cores.node.js';

/** A system of some files. */
const facts = (available: number, files: Record<string, string>) => ({
  available,
  read: (file: string): string | undefined => files[file],
});

/** The files of a machine whose processors have these siblings, by processor. */
function topology(siblings: readonly string[], allowed = `0-${siblings.length - 1}`): Record<string, string> {
  return {
    '/sys/devices/system/cpu/online': `0-${siblings.length - 1}\n`,
    '/proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${allowed}\nMems_allowed_list:\t0\n`,
    ...Object.fromEntries(
      siblings.map((list, i) => [`/sys/devices/system/cpu/cpu${i}/topology/thread_siblings_list`, `${list}\n`]),
    ),
  };
}
const fourCoresOfTwo = ['0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7'];

describe('physicalCores', () => {
  it('counts the hardware threads of a core as one', () => {
    expect(physicalCores(facts(8, topology(fourCoresOfTwo)))).toBe(4);
    expect(physicalCores(facts(2, topology(['0', '1'])))).toBe(2);
  });

  it('counts cores of both kinds where some have two hardware threads and some have one', () => {
    expect(physicalCores(facts(6, topology(['0-1', '0-1', '2-3', '2-3', '4', '5'])))).toBe(4);
  });

  it('counts only what the process may run on', () => {
    expect(physicalCores(facts(3, topology(fourCoresOfTwo, '0,3-4,99')))).toBe(2);
  });

  it('stays within the processor time of its container and of those around it', () => {
    const machine = topology(fourCoresOfTwo);
    expect(
      physicalCores(
        facts(8, { ...machine, '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '250000 100000\n' }),
      ),
    ).toBe(2);
    expect(
      physicalCores(
        facts(8, {
          ...machine,
          '/proc/self/cgroup': '0::/a/b\n',
          '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
          '/sys/fs/cgroup/a/cpu.max': '300000 100000\n',
        }),
      ),
    ).toBe(3);
    expect(
      physicalCores(
        facts(8, {
          ...machine,
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      ),
    ).toBe(1);
    expect(
      physicalCores(
        facts(8, {
          ...machine,
          '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
          '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        }),
      ),
    ).toBe(4);
  });

  it('is what Node counts where the system tells nothing', () => {
    expect(physicalCores(facts(6, {}))).toBe(6);
    expect(physicalCores(facts(6, { '/sys/devices/system/cpu/online': 'nonsense' }))).toBe(6);
  });

  it('finds at least one core here, and no more than Node counts', () => {
    expect(physicalCores()).toBeGreaterThanOrEqual(1);
    expect(physicalCores()).toBeLessThanOrEqual(os.availableParallelism());
  });
});
