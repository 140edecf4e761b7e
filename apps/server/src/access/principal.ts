/** What a key is for: `user` asks models, `admin` may do all, `metrics` reads the figures alone. */
export const ROLES = ['user', 'admin', 'metrics'] as const;
export type Role = (typeof ROLES)[number];

/** What a route is for, and so who may use it. */
export type Access = 'user' | 'admin' | 'metrics';

/** What a caller may have within a minute, and at once; absent: no limit. */
export interface CallerLimits {
  readonly requestsPerMinute?: number;
  /** Of prompts and answers. */
  readonly tokensPerMinute?: number;
  /** Requests under way at once. */
  readonly concurrency?: number;
}

/** Who calls. */
export interface Principal {
  /** For people: in logs and messages. */
  readonly name: string;
  /** What it shares with nobody: names its part of the cache and of the scheduler's time. Empty where the server asks for no keys. */
  readonly tenant: string;
  readonly role: Role;
  /** A tenant of weight 2 gets twice the time of a tenant of weight 1. */
  readonly weight: number;
  /** The highest priority that it may ask for. */
  readonly maxPriority: number;
  /** Names of models that it may use, `*` at the end standing for any rest; absent: all. */
  readonly models?: readonly string[];
  /** May read the figures too, whatever its role: so may users where no key is meant for that. */
  readonly readsMetrics?: boolean;
  readonly limits: CallerLimits;
}

/** The largest priority that there is. */
export const TOP_PRIORITY = 1000;

/** Everybody, where the server asks for no keys. */
export const ANYBODY: Principal = {
  name: 'anybody',
  tenant: '',
  role: 'admin',
  weight: 1,
  maxPriority: TOP_PRIORITY,
  limits: {},
};

/** Whoever asks for figures where that takes no key. */
export const WATCHER: Principal = {
  name: 'anybody',
  tenant: '',
  role: 'metrics',
  weight: 1,
  maxPriority: 0,
  limits: {},
};

const MAY_USE: Readonly<Record<Access, readonly Role[]>> = {
  user: ['user', 'admin'],
  admin: ['admin'],
  metrics: ['metrics', 'admin'],
};

/** Whether a caller may use a route. */
export const mayUse = ({ role, readsMetrics }: Principal, access: Access): boolean =>
  MAY_USE[access].includes(role) || (access === 'metrics' && readsMetrics === true);

/** Whether a caller may use a model. */
export function mayUseModel({ models }: Principal, name: string): boolean {
  return (
    models === undefined ||
    models.some((allowed) => (allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === allowed))
  );
}
