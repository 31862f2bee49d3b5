import { html, raw } from 'hono/html';
import { errorCodes } from '../../errors.ts';
import { openApiDocument } from './openapi.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
}

interface Body {
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly unknown[];
  readonly 'x-folio-right'?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
    readonly example?: unknown;
    readonly schema: Schema;
  }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}

interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

type Html = ReturnType<typeof html>;

/** In the playground's colours and typefaces; the fonts are its own files, and others of a system stand in for them. */
const style = `
@font-face { font-family: "EB Garamond"; font-weight: 400 800; font-display: swap;
  src: url("assets/eb-garamond-latin-wght-normal.woff2") format("woff2") }
@font-face { font-family: "IM Fell English"; font-style: italic; font-display: swap;
  src: url("assets/im-fell-english-latin-400-italic.woff2") format("woff2") }
:root { color-scheme: light dark; --ink: light-dark(#241d16, #ece1cd); --quiet: light-dark(#6a5b48, #ab9c85);
  --paper: light-dark(#f4eddf, #15110d); --card: light-dark(#fffdf7, #1e1914); --line: light-dark(#d8cbb3, #3b3228);
  --accent: light-dark(#97281d, #ec8b78); --get: light-dark(#2f5573, #8fb8d4); --post: light-dark(#6d4a12, #e0b468);
  --delete: light-dark(#97281d, #ec8b78);
  --text: "EB Garamond", "Iowan Old Style", Palatino, Georgia, serif;
  --display: "IM Fell English", "EB Garamond", Georgia, serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace }
* { box-sizing: border-box }
body { margin: 0; font: 1.125rem/1.5 var(--text); font-variant-numeric: oldstyle-nums; color: var(--ink); background: var(--paper) }
a { color: var(--accent); text-underline-offset: .2em }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: 1rem }
header, main, nav { max-width: 62rem; margin: 0 auto; padding: 0 clamp(1rem, 3vw, 2.5rem) }
header { padding-top: 1.75rem } nav { padding-bottom: 1rem }
h1 { font: italic 400 clamp(2.5rem, 6vw, 3.5rem)/1 var(--display); color: var(--accent); margin: 0 0 1rem }
h1 .quiet { font-size: .5em }
h2 { font: italic 400 1.7rem/1.2 var(--display); margin: 2.5rem 0 0; padding-top: 1.25rem; border-top: 3px double var(--line) }
nav ul { list-style: none; padding: 0; display: grid; gap: .15rem .75rem;
  grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)) }
nav a { text-decoration: none; font: .85rem/1.7 var(--mono); overflow-wrap: anywhere }
section.operation { background: var(--card); box-shadow: 0 1px 2px rgb(60 40 20 / .12), 0 6px 24px -8px rgb(60 40 20 / .18);
  padding: 1rem clamp(1rem, 3vw, 1.75rem); margin: 1rem 0 }
section.operation h3 { margin: 0; font: 600 1rem/1.5 var(--mono); overflow-wrap: anywhere }
.method { text-transform: uppercase; margin-right: .6rem }
.get { color: var(--get) } .post { color: var(--post) } .delete { color: var(--delete) }
.quiet { color: var(--quiet) } .note { font-size: 1rem }
table { border-collapse: collapse; width: 100%; font-size: 1rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line) }
th { font-weight: 400; font-style: italic; color: var(--quiet) }
.scroll { overflow-x: auto } .scroll table { min-width: 36rem } .scroll td:first-child { white-space: nowrap }
pre { background: var(--paper); padding: .75rem 1rem; overflow-x: auto; font-size: .85rem }
code, pre { font-family: var(--mono); font-variant-numeric: lining-nums } code { font-size: .82em }
summary { cursor: pointer; color: var(--accent); margin: .75rem 0 .25rem }
`;

const nameOf = (ref: string): string => ref.replace('#/components/schemas/', '');

const rangeOf = ({ minimum, exclusiveMinimum: above, maximum }: Schema): string => {
  if (above !== undefined) return `, above ${above}${maximum === undefined ? '' : `, up to ${maximum}`}`;
  if (minimum === undefined) return '';
  return maximum === undefined ? `, at least ${minimum}` : `, ${minimum} to ${maximum}`;
};

const typeOf = (schema: Schema): Html | string => {
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  // Null says as much as an absent field, for every one of them.
  const several = (schema.anyOf ?? schema.oneOf)?.filter(({ type }) => type !== 'null');
  if (several) return html`${several.map((one, at) => html`${at > 0 ? ' or ' : ''}${typeOf(one)}`)}`;
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum) return html`<code>${schema.enum.map((one) => JSON.stringify(one)).join(' | ')}</code>`;
  if (schema.type === 'array' && schema.items) return html`array of ${typeOf(schema.items)}`;
  return `${schema.type ?? 'anything'}${rangeOf(schema)}`;
};

/** Sentences of the description mark code with backquotes. */
const prose = (text = ''): Html =>
  html`${text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))}`;

const fieldRow = (name: string, schema: Schema, required: boolean): Html =>
  html`<tr><td><code>${name}</code>${required ? html` <span class="quiet">required</span>` : ''}</td>
    <td>${typeOf(schema)}${schema.default === undefined ? '' : html`<br><span class="quiet">default <code>${JSON.stringify(schema.default)}</code></span>`}</td>
    <td>${prose(schema.description)}</td></tr>`;

const fieldTable = (caption: string, rows: readonly Html[]): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${rows}</tbody></table></div>`;

const propertiesTable = (caption: string, { properties = {}, required = [] }: Schema): Html =>
  fieldTable(
    caption,
    Object.entries(properties).map(([name, schema]) => fieldRow(name, schema, required.includes(name))),
  );

const curlOf = (method: string, path: string, { requestBody, parameters = [] }: Operation): string => {
  const example = requestBody?.content?.['application/json']?.example;
  const verb = method === 'get' || example !== undefined ? '' : ` -X ${method.toUpperCase()}`;
  const query = parameters
    .filter((parameter) => parameter.example !== undefined)
    .map((parameter) => `${parameter.name}=${String(parameter.example)}`)
    .join('&');
  const body = example === undefined ? '' : ` --json '${JSON.stringify(example)}'`;
  return `curl${verb} "$FOLIO${path}${query === '' ? '' : `?${query}`}"${body}`;
};

const operationSection = (path: string, method: string, operation: Operation, document: Document): Html => {
  const { requestBody, parameters = [], responses } = operation;
  const sent = requestBody?.content?.['application/json']?.schema.$ref;
  const schema = sent === undefined ? undefined : document.components.schemas[nameOf(sent)];
  const needs = operation.security
    ? 'Needs no key.'
    : operation['x-folio-right']
      ? 'Needs a key with the right to write.'
      : '';
  return html`<section class="operation" id="${operation.operationId}" aria-labelledby="${operation.operationId}-title">
    <h3 id="${operation.operationId}-title"><span class="method ${method}">${method}</span>${path}</h3>
    <p>${prose(operation.summary)}. ${prose(operation.description)} <span class="quiet">${needs}</span></p>
    <pre tabindex="0">${curlOf(method, path, operation)}</pre>
    ${
      parameters.length === 0
        ? ''
        : html`<details><summary>In the path and the query</summary>${fieldTable(
            `Parameters of ${operation.operationId}`,
            parameters.map((one) =>
              fieldRow(
                one.name,
                { ...one.schema, ...(one.description === undefined ? {} : { description: one.description }) },
                one.in === 'path',
              ),
            ),
          )}</details>`
    }
    ${schema === undefined ? '' : html`<details><summary>Body</summary>${propertiesTable(`Body of ${operation.operationId}`, schema)}</details>`}
    <details><summary>Answers</summary><table><tbody>${Object.entries(responses).map(
      ([status, { description, content = {} }]) =>
        html`<tr><th scope="row">${status}</th><td>${description}${Object.entries(content).map(
          ([type, { schema }]) => html`<br><span class="quiet">${type}</span> ${typeOf(schema)}`,
        )}</td></tr>`,
    )}</tbody></table></details>
  </section>`;
};

/** The API's description as a page for people, without a script. */
export const docsPage = (): string => {
  const document = openApiDocument() as unknown as Document;
  const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = document.tags.map(({ name }) => ({
    name,
    operations: listed.filter(({ operation }) => operation.tags.includes(name)),
  }));
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Folio’s API</title>
<style>${raw(style)}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header>
<h1>Folio’s API <span class="quiet">${document.info.version}</span></h1>
<p>${prose(document.info.description)} OpenAI’s clients work with <code>/v1</code> as their base URL.</p>
<p class="note">Keys travel as <code>Authorization: Bearer KEY</code> or <code>x-api-key: KEY</code>; a server on your own
machine that was given none asks for one only to write, and prints it when it starts. The same as a document: <a href="openapi.json">openapi.json</a>. Try it in
the <a href="./">playground</a>. In the examples, <code>FOLIO</code> is the server’s address.</p>
</header>
<nav aria-label="Routes"><ul>${listed.map(
    ({ path, method, operation }) =>
      html`<li><a href="#${operation.operationId}"><span class="method ${method}">${method}</span>${path}</a></li>`,
  )}</ul></nav>
<main id="content">
${groups.map(
  ({ name, operations }) =>
    html`<h2>${name}</h2>${operations.map(({ path, method, operation }) => operationSection(path, method, operation, document))}`,
)}
<h2 id="errors">Errors</h2>
<p>Every error is a <a href="#schema-Error">JSON object</a> with a sentence, the parameter at fault and a code that does not
change. A request with several faults has them all in <code>error.faults</code>. In a stream that has begun, an error
is an event <code>error</code>.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Error codes"><table><thead><tr><th scope="col">Code</th><th scope="col">Status</th></tr></thead><tbody>
${Object.entries(errorCodes).map(([code, { status }]) => html`<tr><td><code>${code}</code></td><td>${status}</td></tr>`)}
</tbody></table></div>
<h2 id="schemas">Schemas</h2>
${Object.entries(document.components.schemas).map(
  ([name, schema]) =>
    html`<section class="operation" id="schema-${name}" aria-label="${name}"><h3>${name}</h3><p>${prose(schema.description)}</p>${propertiesTable(name, schema)}</section>`,
)}
</main>
</body>
</html>
`);
};
