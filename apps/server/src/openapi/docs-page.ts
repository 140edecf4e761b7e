import type { JsonSchema } from '@valibot/to-json-schema';
import { html } from 'hono/html';
import type { Content, OpenApiDocument, Operation, Reference } from './openapi-types.js';
import { fieldsOf, wordsOf } from './schema-words.js';

type Html = ReturnType<typeof html>;

/** The document as a page: no script, and nothing of any other host. */
export function docsPage(document: OpenApiDocument, { hasSite }: { readonly hasSite: boolean }): string {
  const { info, tags } = document;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title}: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/style.css">
</head>
<body>
<header>
<h1>${info.title} <span class="quiet">${info.version}</span></h1>
${info.description.split('\n\n').map(paragraph)}
<p><a href="openapi.json">The same for programs (OpenAPI 3.1)</a></p>
${
  hasSite
    ? html`<p><a href="docs/site/">Guides, the libraries and playgrounds</a></p>
`
    : ''
}<nav aria-label="APIs"><ul>${tags.map(({ name }) => html`<li><a href="#${name}">${name}</a></li>`)}</ul></nav>
</header>
<main>${tags.map(({ name, description }) => section(document, name, description))}</main>
</body>
</html>
`;
  return String(page);
}

function section(document: OpenApiDocument, tag: string, description: string): Html {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      operation.tags.includes(tag) ? [{ path, method, operation }] : [],
    ),
  );
  return html`<section id="${tag}">
<h2>${tag}</h2>
${paragraph(description)}
${operations.map(({ path, method, operation }) => details(document, `${method.toUpperCase()} ${path}`, operation))}
</section>`;
}

function details(document: OpenApiDocument, title: string, operation: Operation): Html {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  return html`<details id="${operation.operationId}">
<summary><code>${title}</code> ${summary}</summary>
${description === undefined ? '' : paragraph(description)}
${table(
  'Parameters of the address',
  ['name', 'where', 'what it is'],
  parameters.map(({ name, in: where, description: said }) => [code(name), where, text(said)]),
)}
${requestBody === undefined ? '' : html`<pre><code>${JSON.stringify(requestBody.content['application/json'].example, null, 2)}</code></pre>${fieldTable(document, requestBody.content, { caption: 'Fields of the body', isBody: true })}`}
${table(
  'Responses',
  ['status', 'what it is', 'as'],
  Object.entries(responses).map(([status, response]) => {
    const { description: said, content = {} } =
      '$ref' in response ? document.components.responses[nameIn(response)] : response;
    return [status, text(said), Object.keys(content).join(', ')];
  }),
)}
${answerTable(document, responses['200'])}
</details>`;
}

function answerTable(document: OpenApiDocument, response: Operation['responses'][string]): Html | '' {
  return '$ref' in response || response.content?.['application/json'] === undefined
    ? ''
    : fieldTable(document, response.content, { caption: 'Fields of the answer', isBody: false });
}

function fieldTable(
  document: OpenApiDocument,
  content: Content,
  { caption, isBody }: { readonly caption: string; readonly isBody: boolean },
): Html | '' {
  const { schema } = content['application/json'];
  const whole: JsonSchema =
    '$ref' in schema && schema.$ref !== undefined ? document.components.schemas[nameIn({ $ref: schema.$ref })] : schema;
  if (whole.properties === undefined) return html`<p>The ${isBody ? 'body' : 'answer'}: ${wordsOf(whole)}.</p>`;
  return table(
    caption,
    ['field', 'values', ''],
    fieldsOf(whole).map(({ name, words, isRequired }) => [
      code(name),
      words,
      isRequired === isBody ? (isBody ? 'required' : 'optional') : '',
    ]),
  );
}

function table(caption: string, heads: readonly string[], rows: readonly (readonly (string | Html)[])[]): Html | '' {
  if (rows.length === 0) return '';
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table></div>`;
}

const nameIn = ({ $ref }: Reference): string => $ref.slice($ref.lastIndexOf('/') + 1);
const paragraph = (said: string): Html => html`<p>${text(said)}</p>`;
const code = (said: string): Html => html`<code>${said}</code>`;

/** What stands between backticks is code. */
const text = (said: string): Html => html`${said.split('`').map((part, i) => (i % 2 === 1 ? code(part) : part))}`;
