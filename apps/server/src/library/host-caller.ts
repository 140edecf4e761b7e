import type { Context } from 'hono';
import type { CallerLimits, Principal, Role } from '../access/principal.js';

/** Who calls, as the host of the app knows them. */
export interface AppCaller {
  /** For people: in logs and messages. */
  readonly name: string;
  /** Shares nothing of what is computed, and its time by its weight, with other tenants. Default: its name. */
  readonly tenant?: string;
  /** What it may: `user` asks models, `metrics` reads the figures alone, `admin` may do all. Default `user`. */
  readonly role?: Role;
  /** A tenant of weight 2 gets twice the time of a tenant of weight 1. Default 1. */
  readonly weight?: number;
  /** The highest priority that its requests may ask for, -1000 to 1000. Default 0. */
  readonly maxPriority?: number;
  /** Names of models that it may use, `*` at the end standing for any rest. Default: all. */
  readonly models?: readonly string[];
  /** Default: none. */
  readonly limits?: CallerLimits;
}

/** Finds out who calls, from the host's own context; undefined: nobody that is known, who is refused with 401. */
export type FindCaller = (c: Context) => AppCaller | undefined | Promise<AppCaller | undefined>;

/** Where no host says who calls, all are one user. */
const SOMEBODY: AppCaller = { name: 'anybody', tenant: '' };

const HOST = Symbol('the context of the host');

/** The environment of a request that is handed on, with the context that it came with. */
export const handedOn = (c: Context): object => ({ ...(c.env as object | undefined), [HOST]: c });

/** The caller of a request that was handed on. */
export async function callerOf(env: unknown, find: FindCaller = () => SOMEBODY): Promise<Principal | undefined> {
  const caller = await find((env as { readonly [HOST]: Context })[HOST]);
  if (caller === undefined) return undefined;
  const { name, tenant = name, role = 'user', weight = 1, maxPriority = 0, models, limits = {} } = caller;
  return { name, tenant, role, weight, maxPriority, models, limits };
}
