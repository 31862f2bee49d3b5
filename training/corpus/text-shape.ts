/** What the lines of a text look like, from a sample of it: a list, a table, markup, or prose. */
export interface TextShape {
  readonly lines: number;
  /** Lines one after another that are a list: hardly any is empty, and they are short. */
  readonly list: boolean;
  /** Whether every line stands by itself, so that their order says nothing: names, molecules, rows of a table. */
  readonly independent: boolean;
  /** Whether lines stand in order. */
  readonly sorted: boolean;
  /** Of a list: the share of its characters that stand in lines that stood before, 0 to 1. */
  readonly repeated: number;
  /** Of a list: the most repeated lines. */
  readonly repeats: readonly { readonly text: string; readonly count: number }[];
  readonly markup?: Markup;
}

/** Something else than prose, with the command that takes the text out. */
export interface Markup {
  readonly kind: 'JSON Lines' | 'JSON' | 'CSV' | 'TSV' | 'HTML' | 'XML' | 'subtitles';
  readonly command: string;
}

const SHORT = 64; // characters of a line, on average
const EXAMPLES = 3;
/** Of neighbours that differ, so many stand in order in a sorted list. */
const IN_ORDER = 0.98;
const FEW = 50; // lines, of which nothing is concluded
/** Shares of lines beyond which a text is one that goes on from line to line. */
const INDENTED = 0.02;
const UNFINISHED = 0.1; // that end with a comma or the like
const FULL = 0.6; // that reach a common right margin
const PROGRAM = 0.3; // that end as statements and blocks do

/** @param text The text, or blocks of it joined. */
export const textShape = (text: string): TextShape => {
  const lines = text.split('\n').map((line) => line.trimEnd());
  if (lines.at(-1) === '') lines.pop();
  const full = lines.filter((line) => line !== '');
  const list = full.length >= FEW && full.length >= 0.98 * lines.length && text.length < SHORT * lines.length;
  const counts = new Map<string, number>();
  for (const line of list ? full : []) counts.set(line, (counts.get(line) ?? 0) + 1);
  const extra = [...counts].reduce((sum, [line, count]) => sum + (count - 1) * (line.length + 1), 0);
  const repeats = [...counts]
    .filter(([, count]) => count > 1)
    .sort(([, a], [, b]) => b - a)
    .slice(0, EXAMPLES)
    .map(([line, count]) => ({ text: line, count }));
  const markup = markupOf(text, full);
  return {
    lines: lines.length,
    list,
    independent:
      full.length >= FEW &&
      full.length >= 0.98 * lines.length &&
      (markup === undefined ? list && !goesOn(full) : isTable(markup)),
    sorted: list && isSorted(full),
    repeated: extra / Math.max(1, text.length),
    repeats,
    ...(markup === undefined ? {} : { markup }),
  };
};

/** A row a line. */
const isTable = ({ kind }: Markup): boolean => kind === 'JSON Lines' || kind === 'CSV' || kind === 'TSV';

/** Whether sentences, verse or code run from line to line. */
const goesOn = (lines: readonly string[]): boolean => {
  const share = (test: (line: string) => boolean) => lines.filter(test).length / lines.length;
  const lengths = lines.map(({ length }) => length).sort((a, b) => a - b);
  const margin = lengths[Math.floor(0.95 * lengths.length)]!;
  const isWrapped =
    margin >= 40 &&
    share((line) => line.includes(' ')) > 0.5 &&
    share(({ length }) => length >= 0.85 * margin && length <= 1.1 * margin) > FULL;
  return (
    share((line) => /^\s/.test(line)) > INDENTED ||
    share((line) => /[,;:([{—–-]$/.test(line)) > UNFINISHED ||
    isWrapped
  );
};

const isSorted = (lines: readonly string[]): boolean => {
  const collator = new Intl.Collator('en');
  let rising = 0;
  let different = 0;
  for (let at = 1; at < lines.length; at++) {
    const [a, b] = [lines[at - 1]!, lines[at]!];
    if (a === b) continue;
    different++;
    if (a < b || collator.compare(a, b) < 0) rising++;
  }
  return different >= FEW && rising >= IN_ORDER * different;
};

const markupOf = (text: string, lines: readonly string[]): Markup | undefined => {
  const start = text.trimStart();
  const rows = lines
    .slice(0, 200)
    .map(objectIn)
    .filter((row) => row !== undefined);
  if (rows.length > 1 && rows.length >= 0.9 * Math.min(200, lines.length)) {
    const key = longestKey(rows);
    return { kind: 'JSON Lines', command: `jq -r '${path(key)}' FILE` };
  }
  if (/^[[{]\s*["[{]/.test(start) && (text.match(/"[^"\n]*"\s*:/g)?.length ?? 0) > lines.length / 4)
    return { kind: 'JSON', command: "jq -r '.. | strings' FILE" };
  const times = lines.filter((line) => /^(?:\d+:)?\d\d:\d\d[,.]\d{3} --> /.test(line));
  if (times.length > 0.1 * lines.length)
    return { kind: 'subtitles', command: "sed -E '/^[0-9]+\\r?$|-->|^WEBVTT/d; s/<[^>]*>//g' FILE" };
  const tags = text.match(/<\/?[a-z][^<>\n]{0,200}>/gi) ?? [];
  // Programs have tags in their strings, and types that look like them.
  const isProgram =
    lines.filter((line) => /[;{}]$|^\s*(?:\/\/|\/?\*)/.test(line)).length > PROGRAM * lines.length;
  if ((start.startsWith('<') || !isProgram) && tags.join('').length > 0.05 * text.length)
    return /<(?:html|body|div|p|br|span|a)\b/i.test(text)
      ? { kind: 'HTML', command: 'pandoc -f html -t plain FILE' }
      : { kind: 'XML', command: "xmllint --xpath '//text()' FILE" };
  for (const [kind, separator] of [
    ['CSV', ','],
    ['TSV', '\t'],
  ] as const) {
    const columns = lines.slice(0, 200).map((line) => fields(line, separator));
    const usual = columns[0] ?? 1;
    const regular = columns.filter((count) => count === usual).length;
    if (columns.length >= 10 && usual >= 3 && regular >= 0.95 * columns.length)
      return {
        kind,
        command: kind === 'CSV' ? 'mlr --icsv --onidx cut -f COLUMN FILE' : 'cut -f COLUMN FILE',
      };
  }
  return undefined;
};

const objectIn = (line: string): Readonly<Record<string, unknown>> | undefined => {
  if (!line.startsWith('{') || !line.endsWith('}')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
};

/** The property that holds the longest texts. */
const longestKey = (rows: readonly Readonly<Record<string, unknown>>[]): string => {
  const lengths = new Map<string, number>();
  for (const row of rows)
    for (const [key, value] of Object.entries(row))
      if (typeof value === 'string') lengths.set(key, (lengths.get(key) ?? 0) + value.length);
  return [...lengths].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'text';
};

const path = (key: string): string => (/^[a-z_]\w*$/i.test(key) ? `.${key}` : `.[${JSON.stringify(key)}]`);

/** Fields of a line; what stands in quotes is one. */
const fields = (line: string, separator: string): number =>
  line.replace(/"(?:[^"]|"")*"/g, '').split(separator).length;
