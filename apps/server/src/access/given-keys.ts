import { digestOf, type KnownKey } from './key-ring.js';
import { TOP_PRIORITY, type Role } from './principal.js';

/** A key that was given in full, by a flag or the environment: without limits, and with no name but its place. */
export function givenKey(key: string, role: Role, name: string): KnownKey {
  const digest = digestOf(key);
  return {
    digest,
    principal: {
      name,
      tenant: digest.toString('hex'),
      role,
      weight: 1,
      maxPriority: role === 'admin' ? TOP_PRIORITY : 0,
      limits: {},
    },
  };
}

/** Keys that were given in full, by role, and whether others are known from a file. */
export interface GivenKeys {
  readonly apiKeys: readonly string[];
  readonly adminApiKeys: readonly string[];
  readonly metricsApiKeys: readonly string[];
  readonly apiKeysFile?: string;
}

/** Whose they are. Where users' keys are all that there is, they read the figures too: a server with one key is watched with that one. */
export function givenKeys({ apiKeys, adminApiKeys, metricsApiKeys, apiKeysFile }: GivenKeys): KnownKey[] {
  const readsMetrics = adminApiKeys.length + metricsApiKeys.length === 0 && apiKeysFile === undefined;
  const users = apiKeys.map((key, i) => givenKey(key, 'user', `user ${i + 1}`));
  return [
    ...users.map(({ digest, principal }) => ({
      digest,
      principal: { ...principal, ...(readsMetrics && { readsMetrics }) },
    })),
    ...adminApiKeys.map((key, i) => givenKey(key, 'admin', `admin ${i + 1}`)),
    ...metricsApiKeys.map((key, i) => givenKey(key, 'metrics', `metrics ${i + 1}`)),
  ];
}
