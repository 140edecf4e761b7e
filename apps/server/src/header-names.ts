import { ServerResponse, type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http';

/** Names that are not written as their words are. */
const OWN_WAYS: Readonly<Record<string, string>> = { etag: 'ETag', 'www-authenticate': 'WWW-Authenticate' };

/** `content-type` as most servers write it: `Content-Type`. */
function usualName(name: string): string {
  return (
    OWN_WAYS[name.toLowerCase()] ??
    name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
  );
}

/**
 * Writes the names of headers as most servers do. They mean the same in any case, but scripts look for them letter by letter
 * (`curl -i | grep Retry-After`), and the platform's own type for headers gives them in small letters.
 */
export class UsualServerResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override writeHead(statusCode: number, ...rest: unknown[]): this {
    const headers = rest.at(-1);
    const named =
      typeof headers === 'object' && headers !== null && !Array.isArray(headers)
        ? [...rest.slice(0, -1), renamed(headers as OutgoingHttpHeaders)]
        : rest;
    return super.writeHead(statusCode, ...(named as [OutgoingHttpHeaders?]));
  }

  override setHeader(name: string, value: OutgoingHttpHeader): this {
    return super.setHeader(usualName(name), value as string);
  }
}

const renamed = (headers: OutgoingHttpHeaders): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [usualName(name), value]));
