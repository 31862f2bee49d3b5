/** The element of the page with this id. @throws when the page and its script disagree */
export const byId = <Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind => {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} #${id}.`);
  return found;
};

export const within = <Kind extends Element>(
  root: ParentNode,
  selector: string,
  kind: new () => Kind,
): Kind => {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`There is no ${kind.name} at ${selector}.`);
  return found;
};

type Properties<Kind> = Partial<Omit<Kind, 'attributes' | 'dataset' | 'style'>>;

/** Makes an element; children that are text stay text. */
export const make = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties<HTMLElementTagNameMap[Tag]> & {
    readonly attributes?: Readonly<Record<string, string>>;
  } = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] => {
  const { attributes = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

/** A copy of a template's content. */
export const fromTemplate = (id: string): DocumentFragment =>
  byId(id, HTMLTemplateElement).content.cloneNode(true) as DocumentFragment;

/** Says something to screen readers. */
export const announce = (text: string): void => {
  byId('announcement', HTMLParagraphElement).textContent = text;
};

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Shows a message in its place, or takes it away. */
export const notice = (id: string, text: string | undefined): void => {
  const place = byId(id, HTMLParagraphElement);
  place.hidden = text === undefined;
  place.textContent = text ?? '';
};

/** Takes a message away, unless another one stands in its place by now. */
export const withdrawNotice = (id: string, text: string): void => {
  if (byId(id, HTMLParagraphElement).textContent === text) notice(id, undefined);
};
