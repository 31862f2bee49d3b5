/** The documents of which every command block is run, in the order in which a reader meets them. */
export const runDocuments = ['README.md', 'docs/tutorial.md', 'docs/recipes.md'] as const;

const languages = ['sh', 'js', 'ts', 'py'] as const;

/** A fenced block of a document that a reader would paste, and the block of output that follows it. */
export interface CommandBlock {
  /** Of the opening fence, from 1. */
  readonly line: number;
  readonly language: (typeof languages)[number];
  readonly code: string;
  /**
   * What a comment before the block says of it: `not run: REASON` leaves it out, `starts: URL` runs it beside the blocks
   * that follow and waits for the URL.
   */
  readonly mark: { readonly kind: 'run' | 'not run' | 'starts'; readonly value: string };
  readonly output?: {
    readonly text: string;
    /** Offsets of the text in the document. */
    readonly from: number;
    readonly to: number;
    /** Why it may differ from run to run or between machines; such output is shown and not compared. */
    readonly differs?: string;
  };
}

const fence = /^(?:<!-- (?<mark>[^\n]*?) -->\n+)?```(?<language>\w*)\n(?<body>[\s\S]*?)^```$/gm;

/**
 * The command blocks of a document: `sh`, `js`, `ts` or `py`. A block of `text` with nothing but blank lines or a mark between is
 * the standard output of the block before it; marked `differs: REASON`, it is an example of it.
 * @throws Error for a mark that is none of these
 */
export const commandBlocks = (document: string): CommandBlock[] => {
  const blocks: CommandBlock[] = [];
  let end = -1;
  for (const match of document.matchAll(fence)) {
    const { mark = '', language = '', body = '' } = match.groups!;
    const line = document.slice(0, match.index + match[0].indexOf('```')).split('\n').length;
    const [, kind = 'run', value = ''] = /^(not run|starts|differs): (.+)$/.exec(mark) ?? [];
    if (mark !== '' && kind === 'run') throw new Error(`line ${line}: unknown mark '${mark}'`);
    const last = blocks.at(-1);
    if (language === 'text' && last !== undefined && document.slice(end, match.index).trim() === '') {
      const from = match.index + match[0].length - '```'.length - body.length;
      const differs = kind === 'differs' ? { differs: value } : {};
      blocks[blocks.length - 1] = {
        ...last,
        output: { text: body, from, to: from + body.length, ...differs },
      };
    } else if ((languages as readonly string[]).includes(language)) {
      if (kind === 'differs') throw new Error(`line ${line}: 'differs' belongs before a block of output`);
      const known = language as CommandBlock['language'];
      blocks.push({ line, language: known, code: body, mark: { kind: kind as 'run', value } });
    }
    end = match.index + match[0].length;
  }
  return blocks;
};
