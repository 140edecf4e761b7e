/** Whose computed tokens they are, and of what: two sequences share pages only if all of it is equal. One key for memory, disk and files. */
export interface CacheScope {
  /** The model: what does not change from load to close. */
  readonly model: ModelIdentity;
  /** Adapters in the order in which they are applied, each with its scale. */
  readonly adapters?: readonly { readonly digest: string; readonly scale: number }[];
  /** Who asks: from the caller's key, never from the body of a request. */
  readonly tenant: string;
  /** A caller's own division of what is its own. It only narrows: equal salts of two tenants have nothing in common. */
  readonly salt?: string;
}

/** What pages of a model can be read with. */
export interface ModelIdentity {
  /** Digest of the weights as the file has them. */
  readonly weights: string;
  /** Format of keys and values, such as `F16`. */
  readonly kvType: string;
  /** How a page and a state are laid out: page tokens, bytes of each layer, context scaling; whatever changes the meaning of their bytes. */
  readonly layout: string;
}

/**
 * The key of a scope as text: each part has its name and its length before it, and an absent part differs from an empty one. So no two
 * scopes have the same key, whatever characters their parts are made of.
 */
export function cacheKeyOf({ tenant, salt, ...common }: CacheScope): string {
  return `${sharedKeyOf(common)}${framed('tenant', tenant)}${salt === undefined ? 'salt-;' : framed('salt', salt)}`;
}

/** What the keys of all tenants of a model with the same adapters begin with, and those of no other: the key of what is theirs together. */
export function sharedKeyOf({ model, adapters = [] }: Pick<CacheScope, 'model' | 'adapters'>): string {
  const parts: string[] = [
    framed('weights', model.weights),
    framed('kv', model.kvType),
    framed('layout', model.layout),
    `adapters:${adapters.length};`,
  ];
  for (const { digest, scale } of adapters) parts.push(framed('adapter', digest), framed('scale', String(scale)));
  return parts.join('');
}

/** A part with its name and the number of its UTF-16 units. */
function framed(name: string, value: string): string {
  return `${name}:${value.length}:${value};`;
}

/** What a tenant's records are counted under where room is shared, whatever its salts: a scope of `SpillStore.keyOf`. */
export const ownerScopeOf = (tenant: string): string => framed('owner', tenant);

/** The tenant of a key that `cacheKeyOf` gave; undefined for what all tenants share, and for any other text. */
export function tenantIn(key: string): string | undefined {
  const frame = /([a-z]+):(\d+)([:;])/y;
  for (let match = frame.exec(key); match !== null; match = frame.exec(key)) {
    const [, name, number, end] = match;
    // A count stands alone.
    if (end === ';') continue;
    const from = frame.lastIndex;
    if (name === 'tenant') return key.slice(from, from + Number(number));
    frame.lastIndex = from + Number(number) + 1;
  }
  return undefined;
}
