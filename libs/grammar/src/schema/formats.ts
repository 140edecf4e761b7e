import { ALL_TEXTS } from '../automata/algebra.js';
import { AutomatonCache } from '../automata/compilation.js';
import type { Dfa } from '../automata/dfa.js';
import type { NumberSet } from '../number/number-set.js';
import { parseRegex } from '../regex/parse-regex.js';
import { regexDfa } from '../regex/regex-dfa.js';

/** Formats of numbers, as OpenAPI names them. */
export const NUMBER_FORMATS: ReadonlyMap<string, Partial<NumberSet>> = new Map<string, Partial<NumberSet>>([
  ...[8, 16].map((bits): [string, Partial<NumberSet>] => [
    `int${bits}`,
    { min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1, wholeness: 'whole' },
  ]),
  ...[8, 16, 32].map((bits): [string, Partial<NumberSet>] => [
    `uint${bits}`,
    { min: 0, max: 2 ** bits - 1, wholeness: 'whole' },
  ]),
  ['uint64', { min: 0, max: 2 ** 64 - 2048, wholeness: 'whole' }],
  ['double-int', { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, wholeness: 'whole' }],
  ['int32', { min: -(2 ** 31), max: 2 ** 31 - 1, wholeness: 'whole' }],
  ['int64', { min: -(2 ** 63), max: 2 ** 63 - 1024, wholeness: 'whole' }],
  ['float', {}],
  ['double', {}],
]);

/** Formats that allow any string. Which texts are regular expressions is not regular: `regex` says only that it is a string. */
const FREE_FORMATS: ReadonlySet<string> = new Set(['password', 'binary', 'regex', 'html', 'commonmark']);

// RFC 3339. Seconds have at most 12 places, so that 59.99... never rounds up to 60.
const LEAP_YEAR = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const LONG_MONTH_DAY = '(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])';
const SHORT_MONTH_DAY = '(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)';
const DATE = `(?:\\d{4}-(?:${LONG_MONTH_DAY}|${SHORT_MONTH_DAY}|02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP_YEAR}-02-29)`;
const HOUR = '(?:[01]\\d|2[0-3])';
const SECOND_FRACTION = '(?:\\.\\d{1,12})?';
const CLOCK = `${HOUR}:[0-5]\\d:[0-5]\\d${SECOND_FRACTION}`;
const OFFSET = `(?:[Zz]|[+-]${HOUR}:[0-5]\\d)`;
const LEAP_SECOND = `23:59:60${SECOND_FRACTION}(?:[Zz]|[+-]00:00)`;
const TIME = `(?:${CLOCK}${OFFSET}|${LEAP_SECOND})`;
const ISO_TIME = `(?:${CLOCK}${OFFSET}?|${LEAP_SECOND})`;
const DURATION = 'P(?:\\d+W|(?=[\\dT])(?:\\d+Y)?(?:\\d+M)?(?:\\d+D)?(?:T(?=\\d)(?:\\d+H)?(?:\\d+M)?(?:\\d+S)?)?)';

// RFC 5321 (without quoted local parts and address literals), RFC 1123.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const SHORT_LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const EMAIL = `${ATOM}+(?:\\.${ATOM}+)*@(?:${LABEL}\\.)+${LABEL}`;
const HOSTNAME = `(?=.{1,253}$)${SHORT_LABEL}(?:\\.${SHORT_LABEL})*`;

// RFC 3986 and RFC 4291.
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const GROUP = '[0-9A-Fa-f]{1,4}';
const LAST_GROUPS = `(?:${GROUP}:${GROUP}|${IPV4})`;
const IPV6 = `(?:${[
  `(?:${GROUP}:){6}${LAST_GROUPS}`,
  `::(?:${GROUP}:){5}${LAST_GROUPS}`,
  ...[4, 3, 2, 1, 0].map(
    (after, before) => `(?:(?:${GROUP}:){0,${before}}${GROUP})?::(?:${GROUP}:){${after}}${LAST_GROUPS}`,
  ),
  `(?:(?:${GROUP}:){0,5}${GROUP})?::${GROUP}`,
  `(?:(?:${GROUP}:){0,6}${GROUP})?::`,
].join('|')})`;

/** The URI syntax with some characters beside the ASCII ones (for IRIs). */
function uriSyntax(extra: string): { uri: string; reference: string } {
  const escaped = '%[0-9A-Fa-f]{2}';
  const plain = `A-Za-z0-9\\-._~${extra}!$&'()*+,;=`;
  const char = `(?:[${plain}:@]|${escaped})`;
  const charNoColon = `(?:[${plain}@]|${escaped})`;
  const authority = `(?:(?:[${plain}:]|${escaped})*@)?(?:\\[${IPV6}\\]|(?:[${plain}]|${escaped})*)(?::\\d*)?`;
  const slashes = `(?:/${char}*)*`;
  const end = `(?:\\?(?:${char}|[/?])*)?(?:#(?:${char}|[/?])*)?`;
  const absolutePath = `/(?:${char}+${slashes})?`;
  const absolute = `[A-Za-z][A-Za-z0-9+\\-.]*:(?://${authority}${slashes}|${absolutePath}|${char}+${slashes})`;
  return {
    uri: `${absolute}${end}`,
    reference: `(?:${absolute}|//${authority}${slashes}|${absolutePath}|${charNoColon}+${slashes}|)${end}`,
  };
}

const URI = uriSyntax('');
const IRI = uriSyntax(
  '\\u{A0}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFEF}\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}\\u{30000}-\\u{3FFFD}',
);

const BASE64 = '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?';
const POINTER = '(?:/(?:[^~/]|~[01])*)*';
const VARIABLE = '(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})+(?::[1-9]\\d{0,3}|\\*)?';

// What Zod's patterns call them. Of phone numbers, those that each of its versions takes.
const ZOD_FORMATS: readonly (readonly [string, string])[] = [
  ['cuid', '[cC][^\\s-]{8,}'],
  ['cuid2', '[0-9a-z]+'],
  ['ulid', '[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{26}'],
  ['nanoid', '[a-zA-Z0-9_-]{21}'],
  ['xid', '[0-9a-vA-V]{20}'],
  ['ksuid', '[A-Za-z0-9]{27}'],
  ['guid', '[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}'],
  ['emoji', '(?:\\p{Extended_Pictographic}|\\p{Emoji_Component})+'],
  ['base64', BASE64],
  ['base64url', '(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2,3})?'],
  ['jwt', '[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]*'],
  ['e164', '\\+[1-9]\\d{6,14}'],
  ['hex', '[0-9a-fA-F]*'],
  ['lowercase', '[^A-Z]*'],
  ['uppercase', '[^a-z]*'],
  ['cidrv4', `${IPV4}/(?:3[0-2]|[12]?\\d)`],
  ['cidrv6', `${IPV6}/(?:12[0-8]|1[01]\\d|[1-9]?\\d)`],
  ['mac', '(?:[0-9A-F]{2}(?::[0-9A-F]{2}){5}|[0-9a-f]{2}(?::[0-9a-f]{2}){5})'],
];

/** Formats of strings as expressions that match the whole string. */
const STRING_FORMATS: ReadonlyMap<string, string> = new Map([
  ['date', DATE],
  ['time', TIME],
  ['date-time', `${DATE}[Tt]${TIME}`],
  ['iso-time', ISO_TIME],
  ['iso-date-time', `${DATE}[Tt]${ISO_TIME}`],
  ['duration', DURATION],
  ['email', EMAIL],
  [
    'idn-email',
    `(?:${ATOM}|[^\\x00-\\x7F])+(?:\\.(?:${ATOM}|[^\\x00-\\x7F])+)*@(?:[A-Za-z0-9-]|[^\\x00-\\x7F])+(?:\\.(?:[A-Za-z0-9-]|[^\\x00-\\x7F])+)+`,
  ],
  ['hostname', HOSTNAME],
  ['ipv4', IPV4],
  ['ipv6', IPV6],
  ['uri', URI.uri],
  ['uri-reference', URI.reference],
  ['iri', IRI.uri],
  ['iri-reference', IRI.reference],
  [
    'uri-template',
    `(?:[^\\x00-\\x20"'<>%\\\\^\`{|}]|%[0-9A-Fa-f]{2}|\\{[+#./;?&=,!@|]?${VARIABLE}(?:,${VARIABLE})*\\})*`,
  ],
  ['uuid', '[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}'],
  ['json-pointer', POINTER],
  ['relative-json-pointer', `(?:0|[1-9]\\d*)(?:#|${POINTER})`],
  ...ZOD_FORMATS,
  // OpenAPI's registry of formats.
  ['byte', BASE64],
  ['decimal', '-?\\d+(?:\\.\\d+)?'],
  ['char', '[^]'],
  // Numbers as people write them for other countries: digits with single spaces between.
  ['phone', '\\+(?:\\d ?){6,14}\\d'],
]);

const formats = new AutomatonCache(STRING_FORMATS.size);

/** The strings of a format; undefined for a format that is not known or not regular. */
export function formatDfa(format: string): Dfa | undefined {
  if (FREE_FORMATS.has(format)) return ALL_TEXTS;
  const expression = STRING_FORMATS.get(format);
  if (expression === undefined) return undefined;
  return formats.getCommon(format, () => regexDfa(parseRegex(expression), 'full'));
}
