import type { SchemaCase } from './case.js';

/** Validation 7.3: defined formats. */
export const FORMATS: readonly SchemaCase[] = [
  [{ type: 'string', format: 'date' }, ['2024-02-29', '1999-12-31', '2000-02-29', '0001-01-01'], ['2023-02-29', '1900-02-29', '2024-13-01', '2024-04-31', '24-01-01', '2024-1-1']],
  [{ type: 'string', format: 'time' }, ['12:00:00Z', '23:59:59.999+05:30', '00:00:00z', '23:59:60Z'], ['24:00:00Z', '12:60:00Z', '12:00:00', '12:00Z']],
  [{ type: 'string', format: 'date-time' }, ['2024-02-29T12:34:56Z', '1985-04-12T23:20:50.52-08:00', '1990-12-31T23:59:60Z'], ['2024-02-30T00:00:00Z', '2024-01-01', '2024-01-01T25:00:00Z']],
  [{ type: 'string', format: 'duration' }, ['P1Y2M3DT4H5M6S', 'PT36H', 'P1W', 'P4DT12H'], ['P', 'PT', '1Y', 'P1S', 'P1WT1H']],
  [{ type: 'string', format: 'email' }, ['joe@example.com', "a.b+c'd@x-y.co.uk"], ['joe', '@example.com', 'joe@', 'a..b@c.de', '.a@b.cd']],
  [{ type: 'string', format: 'hostname' }, ['example.com', 'localhost', 'a-b.c1'], ['-a.com', 'a_b.com', '', 'a..b', 'x'.repeat(64)]],
  [{ type: 'string', format: 'ipv4' }, ['127.0.0.1', '255.255.255.255', '0.0.0.0'], ['256.0.0.1', '1.2.3', '1.2.3.4.5', '01.2.3.4']],
  [{ type: 'string', format: 'ipv6' }, ['::1', '::', '2001:db8::ff00:42:8329', '1:2:3:4:5:6:7:8', '::ffff:192.168.0.1', '1::'], ['12345::', '1:2:3', ':::', '1::2::3', '1:2:3:4:5:6:7:8:9']],
  [{ type: 'string', format: 'uri' }, ['http://example.com/a?b=c#d', 'mailto:joe@example.com', 'urn:isbn:123', 'http://[::1]:80/'], ['/relative', 'no scheme', '//host/path', 'http://a b']],
  [{ type: 'string', format: 'uri-reference' }, ['http://example.com', '/a/b?c', '#frag', '', '../x'], ['a b', '\\\\x', '%zz']],
  [{ type: 'string', format: 'uri-template' }, ['/users/{id}', '/{a,b}{?c*}'], ['/{a', '/}', '{a b}']],
  [{ type: 'string', format: 'uuid' }, ['123e4567-e89b-12d3-a456-426614174000', 'ABCDEFAB-0000-0000-0000-000000000000'], ['123e4567e89b12d3a456426614174000', '123e4567-e89b-12d3-a456-42661417400', 'g23e4567-e89b-12d3-a456-426614174000']],
  [{ type: 'string', format: 'json-pointer' }, ['', '/a/b~0~1', '/'], ['a', '/~', '/~2']],
  [{ type: 'string', format: 'relative-json-pointer' }, ['0', '1/a', '2#'], ['/a', '01', '-1']],
  [{ type: 'string', format: 'byte' }, ['', 'YQ==', 'YWI=', 'YWJj'], ['YQ', 'Y===', 'a']],
  [{ type: 'string', format: 'iso-time' }, ['12:00:00', '12:00:00Z'], ['25:00:00']],
  [{ type: 'string', format: 'iso-date-time' }, ['2024-01-01T00:00:00', '2024-01-01T00:00:00+01:00'], ['2024-01-01']],
  [{ type: 'string', format: 'password' }, ['secret', ''], [1]],
  [{ type: 'string', format: 'date', pattern: '^2024' }, ['2024-05-06'], ['2023-05-06']],
  [{ format: 'ipv4' }, ['1.2.3.4', 5, null], ['a']],
  [{ type: 'string', format: 'email', maxLength: 12 }, ['ab@cd.ef'], ['abcdefgh@ijk.lm']],
];
