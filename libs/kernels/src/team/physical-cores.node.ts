import fs from 'node:fs';
import os from 'node:os';

/** What is asked of the system. */
export interface CoreFacts {
  /** Hardware threads that the process may use, as Node counts them. */
  readonly available: number;
  /** The text of a file of the kernel's, if there is one. */
  read(file: string): string | undefined;
}

/**
 * Cores that this process can keep busy: those it may run on, the hardware threads of each counted as one (they share what computes), and
 * no more than the processor time that its container is given. Linux tells all of that; elsewhere it is what Node calls parallelism.
 */
export function physicalCores(facts: CoreFacts = systemFacts): number {
  const cores = Math.min(facts.available, distinctCores(facts) ?? Infinity, cpuQuota(facts));
  return Math.max(1, Math.floor(cores));
}

const systemFacts: CoreFacts = {
  get available() {
    return os.availableParallelism();
  },
  read(file) {
    try {
      return fs.readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  },
};

/** Cores among the processors that the process may run on, or undefined where the system does not say. */
function distinctCores({ read }: CoreFacts): number | undefined {
  const online = read('/sys/devices/system/cpu/online');
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status') ?? '')?.[1];
  if (online === undefined) return undefined;
  const mayUse = allowed === undefined ? undefined : new Set(processorsOf(allowed));
  const cores = new Set<string>();
  for (const processor of processorsOf(online)) {
    if (mayUse && !mayUse.has(processor)) continue;
    const siblings = read(`/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`);
    if (siblings === undefined) return undefined;
    cores.add(siblings);
  }
  return cores.size > 0 ? cores.size : undefined;
}

/** Numbers of a list such as "0-3,8,10-11". */
function processorsOf(list: string): number[] {
  return list
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return Array.from({ length: Math.max(0, last - first + 1) || 0 }, (_, i) => first + i);
    });
}

/** Processors' worth of time that control groups give the process: of the second version for its group and those around it, else of the first. */
function cpuQuota({ read }: CoreFacts): number {
  const group = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  const parts = group.split('/').filter((part) => part !== '');
  const quotas = Array.from({ length: parts.length + 1 }, (_, depth) => {
    const folder = ['/sys/fs/cgroup', ...parts.slice(0, depth)].join('/');
    const [quota, period] = (read(`${folder}/cpu.max`) ?? '').split(' ').map(Number);
    return quota / period;
  });
  quotas.push(
    Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')) / Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us')),
  );
  return Math.min(...quotas.filter((quota) => quota > 0), Infinity);
}
