import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import php from 'highlight.js/lib/languages/php';
import python from 'highlight.js/lib/languages/python';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import swift from 'highlight.js/lib/languages/swift';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import { createLowlight } from 'lowlight';

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  go,
  java,
  javascript,
  json,
  kotlin,
  php,
  python,
  ruby,
  rust,
  sql,
  swift,
  typescript,
  xml,
  yaml,
});
lowlight.registerAlias({ bash: ['shell', 'console', 'zsh'] });

/** Longer code is shown in one colour: colouring it takes too long for a page that is being read. */
const MAX_LENGTH = 50_000;

/** What a piece of code is. */
export type CodeKind =
  | 'keyword'
  | 'string'
  | 'number'
  | 'comment'
  | 'title'
  | 'type'
  | 'attribute'
  | 'addition'
  | 'deletion';

export interface CodePiece {
  readonly text: string;
  readonly kind?: CodeKind;
}

/** Kinds by the highlighter's classes, without what all of them begin with. */
const KINDS: Readonly<Record<string, CodeKind>> = {
  keyword: 'keyword',
  literal: 'keyword',
  'selector-tag': 'keyword',
  name: 'keyword',
  operator: 'keyword',
  doctag: 'keyword',
  string: 'string',
  regexp: 'string',
  char: 'string',
  link: 'string',
  quote: 'string',
  number: 'number',
  symbol: 'number',
  bullet: 'number',
  comment: 'comment',
  meta: 'comment',
  title: 'title',
  section: 'title',
  function: 'title',
  type: 'type',
  built_in: 'type',
  class: 'type',
  attr: 'attribute',
  attribute: 'attribute',
  property: 'attribute',
  variable: 'attribute',
  'selector-class': 'attribute',
  'selector-id': 'attribute',
  'template-variable': 'attribute',
  addition: 'addition',
  deletion: 'deletion',
};

/** Code cut into pieces of one kind each; in one piece where the language is not known, or the code is too long. Joined, they are the code. */
export function highlight(code: string, language: string): readonly CodePiece[] {
  const name = language.toLowerCase();
  if (code.length > MAX_LENGTH || !lowlight.registered(name)) return [{ text: code }];
  const pieces: CodePiece[] = [];
  collect(lowlight.highlight(name, code).children, undefined, pieces);
  return pieces;
}

type Nodes = ReturnType<typeof lowlight.highlight>['children'];

function collect(nodes: Nodes, kind: CodeKind | undefined, pieces: CodePiece[]): void {
  for (const node of nodes) {
    if (node.type === 'text') pieces.push(kind === undefined ? { text: node.value } : { text: node.value, kind });
    else if (node.type === 'element')
      collect(node.children as Nodes, kindOf(node.properties.className) ?? kind, pieces);
  }
}

function kindOf(classes: unknown): CodeKind | undefined {
  const [first] = Array.isArray(classes) ? (classes as unknown[]) : [];
  return typeof first === 'string' ? KINDS[first.replace(/^hljs-/, '')] : undefined;
}
