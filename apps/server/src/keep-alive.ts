const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * How long a model stays without a request, in milliseconds: a number of seconds, or amounts with their units (`5m`, `1h30m`). What is negative stays
 * for ever. undefined: it is none of these.
 */
export function keepAliveMs(value: unknown): number | undefined {
  if (typeof value === 'number' || (typeof value === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(value)))
    return within(Number(value) * 1000);
  const [, sign, amounts] =
    (typeof value === 'string' && /^\s*([+-]?)((?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)\s*$/.exec(value)) || [];
  if (amounts === undefined) return undefined;
  const sum = [...amounts.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)].reduce(
    (ms, [, amount, unit]) => ms + Number(amount) * UNIT_MS[unit],
    0,
  );
  return within(sign === '-' ? -sum : sum);
}

const within = (ms: number): number | undefined => (Number.isNaN(ms) ? undefined : ms < 0 ? Infinity : ms);
