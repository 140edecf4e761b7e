/** A piece of running text. */
export type Inline = { readonly kind: 'text' | 'code' | 'strong' | 'emphasis'; readonly text: string };

/** A block of an answer: what models commonly write of Markdown, no more. */
export type Block =
  | { readonly kind: 'paragraph'; readonly parts: readonly Inline[] }
  | { readonly kind: 'heading'; readonly level: number; readonly parts: readonly Inline[] }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'code'; readonly language: string; readonly text: string };

const FENCE = /^\s*```\s*([\w+#.-]*)\s*$/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const BULLET = /^\s*[-*+]\s+(.*)$/;
const NUMBER = /^\s*\d{1,3}[.)]\s+(.*)$/;

/** Parses an answer, also one that is still being written: an open code fence runs to the end. */
export function parseMarkdown(source: string): Block[] {
  const blocks: Block[] = [];
  const lines = source.split('\n');
  for (let i = 0; i < lines.length; ) {
    const fence = FENCE.exec(lines[i]);
    if (fence) {
      const start = ++i;
      while (i < lines.length && !/^\s*```\s*$/.test(lines[i])) i++;
      blocks.push({ kind: 'code', language: fence[1], text: lines.slice(start, i).join('\n') });
      i++;
      continue;
    }
    const heading = HEADING.exec(lines[i]);
    if (heading) {
      blocks.push({ kind: 'heading', level: heading[1].length, parts: parseInline(heading[2]) });
      i++;
      continue;
    }
    const marker = [BULLET, NUMBER].find((pattern) => pattern.test(lines[i]));
    if (marker) {
      const start = i;
      while (i < lines.length && marker.test(lines[i])) i++;
      const items = lines.slice(start, i).map((line) => parseInline(marker.exec(line)?.[1] ?? ''));
      blocks.push({ kind: 'list', ordered: marker === NUMBER, items });
      continue;
    }
    const start = i;
    while (i < lines.length && lines[i].trim() !== '' && (i === start || !startsBlock(lines[i]))) i++;
    if (i > start) blocks.push({ kind: 'paragraph', parts: parseInline(lines.slice(start, i).join('\n')) });
    else i++;
  }
  return blocks;
}

const startsBlock = (line: string) => [FENCE, HEADING, BULLET, NUMBER].some((pattern) => pattern.test(line));

function parseInline(source: string): Inline[] {
  const parts: Inline[] = [];
  const marks = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])/g;
  let end = 0;
  for (const match of source.matchAll(marks)) {
    if (match.index > end) parts.push({ kind: 'text', text: source.slice(end, match.index) });
    const [, code, strong, emphasis] = match;
    if (code !== undefined) parts.push({ kind: 'code', text: code });
    else if (strong !== undefined) parts.push({ kind: 'strong', text: strong });
    else parts.push({ kind: 'emphasis', text: emphasis });
    end = match.index + match[0].length;
  }
  if (end < source.length) parts.push({ kind: 'text', text: source.slice(end) });
  return parts;
}
