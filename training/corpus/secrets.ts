/** What looks like a secret or a person's address: a model can recite what it was trained on. */
export interface SecretKind {
  readonly code: string;
  /** Singular, for people. */
  readonly name: string;
  readonly pattern: RegExp;
  /** One of these stands in every match: a text without them is passed over quickly. */
  readonly signs: readonly string[];
}

const secretKinds: readonly SecretKind[] = [
  {
    code: 'email',
    name: 'e-mail address',
    signs: ['@'],
    pattern: /[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,24}\b/gi,
  },
  {
    code: 'private_key',
    name: 'private key',
    signs: ['-----BEGIN'],
    pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY/g,
  },
  {
    code: 'aws_key',
    name: 'AWS access key',
    signs: ['AKIA', 'ASIA'],
    pattern: /\bA[KS]IA[0-9A-Z]{16}\b/g,
  },
  {
    code: 'token',
    name: 'access token',
    signs: ['gh', 'glpat-', 'xox', 'npm_', 'AIza', 'sk-', 'k_live_'],
    pattern:
      /\b(?:gh[pousr]_\w{36}|github_pat_\w{40,}|glpat-[\w-]{20}|xox[abeprs]-[\w-]{10,}|npm_\w{36}|AIza[\w-]{35}|sk-[\w-]{20,}|[rs]k_live_\w{16,})/g,
  },
  {
    code: 'jwt',
    name: 'JSON Web Token',
    signs: ['eyJ'],
    pattern: /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/g,
  },
  {
    code: 'url_password',
    name: 'password in a URL',
    signs: ['://'],
    pattern: /\b[a-z][a-z+]{1,9}:\/\/[^\s/:@]{1,64}:[^\s/@]{1,64}@/gi,
  },
  {
    code: 'password',
    name: 'password or key in a setting',
    signs: ['='],
    pattern:
      /(?:passwor[dt]|passwd|secret|api_?key|access_?key|auth_?token)\w*["']?\s?=\s?["']?[^\s"',;]{8,}/gi,
  },
];

const LONGEST = 512; // bytes of a match that may straddle two chunks

/** Looks through a text that streams by; patterns are of ASCII, so that bytes need no decoding. */
export class SecretScanner {
  readonly #counts = new Map<string, { count: number; line: number; source: string }>();
  #rest = '';
  #line = 1;
  #source = '';

  nextFile(source: string): void {
    this.end();
    this.#source = source;
    this.#line = 1;
  }

  push(bytes: Uint8Array): void {
    const text = this.#rest + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const cut = Math.max(text.lastIndexOf('\n') + 1, text.length - LONGEST);
    this.#scan(text.slice(0, cut));
    this.#rest = text.slice(cut);
  }

  end(): void {
    this.#scan(this.#rest);
    this.#rest = '';
  }

  /** Where each kind was first met, and how often in all. */
  found(): { kind: SecretKind; count: number; line: number; source: string }[] {
    this.end();
    return secretKinds.flatMap((kind) => {
      const found = this.#counts.get(kind.code);
      return found ? [{ kind, ...found }] : [];
    });
  }

  #scan(text: string): void {
    for (const { code, pattern, signs } of secretKinds)
      if (signs.some((sign) => text.includes(sign)))
        for (const match of text.matchAll(pattern)) this.#note(code, text, match.index);
    this.#line += newlines(text, text.length);
  }

  #note(code: string, text: string, index: number): void {
    const found = this.#counts.get(code);
    if (found) found.count++;
    else this.#counts.set(code, { count: 1, line: this.#line + newlines(text, index), source: this.#source });
  }
}

const newlines = (text: string, end: number): number => {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
};
