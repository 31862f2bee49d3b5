import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../../src/model/sampling/random.ts';
import { inspectCorpus, readCorpus } from '../../../training/corpus/corpus.ts';
import { readCorpusOnce } from '../../../training/corpus/corpus-reader.ts';
import { defaultCorpus } from '../../../training/corpus/default-corpus.ts';
import { resolveSources } from '../../../training/corpus/sources.ts';
import { CorpusDecoder } from '../../../training/corpus/text-decoder.ts';

const folder = mkdtempSync(join(tmpdir(), 'folio-corpus-'));
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;
const file = (content: string | Uint8Array, name = `${written++}.txt`): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const sentence = 'It was a dark and stormy night; the rain fell in torrents. ';
const text = (length: number): string =>
  sentence.repeat(Math.ceil(length / sentence.length)).slice(0, length);
const decoded = ({ ids, alphabet }: Awaited<ReturnType<typeof readCorpus>>['corpus']): string =>
  Array.from(ids, (id) => alphabet[id]).join('');

const serving = async (answer: (path: string) => string | undefined) => {
  const server = createServer((request, response) => {
    const body = answer(request.url ?? '');
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((closed) => server.close(() => closed())),
  };
};

describe('readCorpus', () => {
  it('encodes every character by its place in the sorted alphabet, nine tenths of them for training', async () => {
    const original = `${text(1995)}é😀中`;
    const { corpus, preflight } = await readCorpus([file(original)]);
    expect(decoded(corpus)).toBe(original);
    expect([...corpus.alphabet]).toEqual(
      [...new Set(original)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!),
    );
    expect(corpus.ids).toBeInstanceOf(Uint8Array);
    expect(corpus.ids.length).toBe(1998);
    expect(corpus.training.length).toBe(1798);
    expect(corpus.heldOut.length).toBe(200);
    expect(preflight.alphabet.find(({ character }) => character === 'é')?.count).toBe(1);
    expect(preflight.alphabet.reduce((sum, { count }) => sum + count, 0)).toBe(1998);
  });

  it('takes two bytes a character for 5,000 different ones', async () => {
    const characters = Array.from({ length: 5000 }, (_, at) => String.fromCodePoint(0x4e00 + at)).join('');
    const { corpus } = await readCorpus([file(characters.repeat(12))]);
    expect(corpus.ids).toBeInstanceOf(Uint16Array);
    expect(corpus.alphabet.length).toBe(5000);
    expect(decoded(corpus)).toBe(characters.repeat(12));
  });

  it('folds or drops the rare characters of a large alphabet, and says so', async () => {
    const common = Array.from({ length: 300 }, (_, at) => String.fromCodePoint(0x4e00 + at))
      .join('')
      .repeat(100);
    const { corpus, preflight } = await readCorpus([file(`${common}${'e'.repeat(50)}é“漢`)]);
    expect(corpus.alphabet.length).toBe(301);
    expect(decoded(corpus)).toBe(`${common}${'e'.repeat(51)}`);
    expect(preflight.characters).toBe(corpus.ids.length);
    expect(preflight.rare).toMatchObject({ folded: { characters: 1 }, dropped: { characters: 2 } });
    expect(preflight.findings.map(({ code }) => code)).toContain('rare_characters');
  });

  it('folds ligatures to all their letters, keeps rare ASCII, and lists what it dropped', async () => {
    const common = Array.from({ length: 300 }, (_, at) => String.fromCodePoint(0x4e00 + at))
      .join('')
      .repeat(100);
    const path = file(`${common}${'fi'.repeat(50)}oﬃce ﬁnd ½ 漢 æ 5a`);
    const { corpus, preflight } = await readCorpus([path]);
    expect(decoded(corpus).slice(30_000)).toBe(`${'fi'.repeat(50)}office find   ae 5a`);
    expect(preflight.rare.dropped.list).toBe('½漢');
    expect(preflight.findings.find(({ code }) => code === 'rare_characters')?.message).toMatch(
      /: ½ 漢\. .*--alphabet all/,
    );
    const all = await readCorpus([path], { alphabet: 'all' });
    expect(decoded(all.corpus).slice(30_000)).toContain('oﬃce ﬁnd ½ 漢 æ 5');
    expect(all.preflight.rare.limit).toBe(0);
  });

  it('drops an emoji sequence whole, of which one part is dropped', async () => {
    const common = Array.from({ length: 300 }, (_, at) => String.fromCodePoint(0x4e00 + at))
      .join('')
      .repeat(100);
    const usual = '👩\u200d🔬 👍\u{1f3fd} ❤\ufe0f '.repeat(20);
    const { corpus, preflight } = await readCorpus([
      file(`${common}${usual}a 👩\u{1f3fd}\u200d🚒 b 🚒\ufe0f\u200d👩 c 🎈 d`),
    ]);
    expect(decoded(corpus).slice(30_000)).toBe(`${usual}a  b  c  d`);
    expect(preflight.characters).toBe(corpus.ids.length);
    expect(preflight.alphabet.reduce((sum, { count }) => sum + count, 0)).toBe(corpus.ids.length);
  });

  it('drops no more than half a per cent of a text whose characters are all rare', async () => {
    const characters = Array.from({ length: 5000 }, (_, at) => String.fromCodePoint(0x4e00 + at)).join('');
    const { corpus } = await readCorpus([file(characters)]);
    expect(corpus.ids.length).toBe(5000);
  });

  it('makes newlines LF and leaves out byte order marks and control characters', async () => {
    const path = file(`\uFEFF${text(1500)}\r\none\rtwo\n\u0000\u001bthree\u0085 \uFEFF`);
    const { corpus, preflight } = await readCorpus([path]);
    expect(decoded(corpus)).toBe(`${text(1500)}\none\ntwo\nthree \uFEFF`);
    expect(preflight.newlines).toEqual({ lf: 1, crlf: 1, cr: 1 });
    expect(preflight.byteOrderMarks).toBe(1);
    expect(preflight.controls.map(({ character }) => character)).toEqual(['U+0000', 'U+001B', 'U+0085']);
  });

  it('prepares a text as the tutorial did, with the words kept apart', async () => {
    const path = file('First Citizen:\nYou are 3 -- no, FOUR!  '.repeat(60));
    const { corpus } = await readCorpus([path], { preparation: 'tutorial' });
    expect(decoded(corpus)).toBe('first citizen you are 3 no four '.repeat(60));
  });

  it('joins files, folders and globs in order, each ending with a newline, binary files left out', async () => {
    mkdirSync(join(folder, 'many/deep'), { recursive: true });
    const a = file(`\uFEFFA ${text(600)}`, 'many/a.txt');
    file(`\uFEFFB ${text(600)}\n`, 'many/deep/b.txt');
    file(new Uint8Array([0, 1, 2]), 'many/c.bin');
    mkdirSync(join(folder, 'many/.git'), { recursive: true });
    file('hidden', 'many/.git/d.txt');
    file('hidden', 'many/.e.txt');
    const whole = await readCorpus([join(folder, 'many')]);
    expect(decoded(whole.corpus)).toBe(`A ${text(600)}\nB ${text(600)}\n`);
    const twice = await readCorpus([a, join(folder, 'many/**/b.*')]);
    expect(twice.corpus.digest).toBe(whole.corpus.digest);
    expect(whole.preflight).toMatchObject({ files: 2, skipped: ['c.bin'], source: 'a.txt and 1 more' });
  });

  it('reads http addresses and reports one that does not answer well', async () => {
    await using server = await serving((path) => (path === '/text' ? text(2000) : undefined));
    const { corpus } = await readCorpus([`${server.address}/text`]);
    expect(decoded(corpus)).toBe(text(2000));
    await expect(readCorpus([`${server.address}/none?key=1`])).rejects.toMatchObject({
      code: 'corpus_not_found',
      message: expect.stringMatching(/404.*\/none\.$/),
    });
  });
});

describe('a corpus that cannot be used', () => {
  it.each([
    ['nothing', '', 'corpus_too_small', /The corpus \(\S+\) is empty/],
    ['50 characters', text(50), 'corpus_too_small', /The corpus \(\S+\) has 50 characters: at least 1,000/],
    ['one character over and over', 'a'.repeat(5000), 'corpus_invalid', /one character/],
    [
      'a lone surrogate',
      Buffer.concat([Buffer.from(text(100)), Buffer.from([0xed, 0xa0, 0x80])]),
      'corpus_invalid',
      /byte 100 \(line 1\): a lone surrogate/,
    ],
    ['UTF-16', Buffer.from(`\uFEFF${text(2000)}`, 'utf16le'), 'corpus_invalid', /byte 0 .*UTF-16/],
    [
      'UTF-32',
      Buffer.from(`${[...`\uFEFF${text(2000)}`].join('\0')}\0`, 'utf16le'),
      'corpus_invalid',
      /UTF-32 .*iconv/,
    ],
    [
      'Latin-1',
      Buffer.from(`${text(2000)}\ncafé noir`, 'latin1'),
      'corpus_invalid',
      /byte 2004 \(line 2\).*Latin-1/,
    ],
    [
      'half a character at its end',
      Buffer.from(`${text(2000)}😀`).subarray(0, 2003),
      'corpus_invalid',
      /byte 2000 .*ends inside/,
    ],
  ])('%s', async (_, content, code, message) => {
    const path = file(content);
    const expected = { code, message: expect.stringMatching(message) };
    await expect(readCorpus([path])).rejects.toMatchObject(expected);
    await expect(inspectCorpus([path])).rejects.toMatchObject(expected);
  });

  it('is not there', async () => {
    const missing = join(folder, 'missing.txt');
    await expect(readCorpus([missing])).rejects.toMatchObject({ code: 'corpus_not_found' });
    await expect(readCorpus([join(folder, '*.none')])).rejects.toMatchObject({ code: 'corpus_not_found' });
  });

  it('changes while it is read', async () => {
    const path = file(text(1_000_000));
    const sources = await resolveSources([path]);
    let chunks = 0;
    const meddler = { bytes: () => void (chunks++ === 0 && appendFileSync(path, 'more')) };
    await expect(readCorpusOnce(sources, { preparation: 'plain' }, [meddler])).rejects.toMatchObject({
      code: 'corpus_changed',
    });
    expect(chunks).toBeGreaterThan(1);
  });
});

describe('inspectCorpus', () => {
  const messages = async (content: string | Uint8Array): Promise<Record<string, string>> => {
    const { findings } = await inspectCorpus([file(content)]);
    return Object.fromEntries(findings.map(({ code, message }) => [code, message]));
  };
  const words = ['harbour', 'lantern', 'quiet', 'captain', 'letter', 'evening', 'garden', 'anchor'];
  const random = Random.fromSeed(11);
  const word = () => words[Math.floor(words.length * random.uniform())]!;
  const phrase = (length: number) => Array.from({ length }, word).join(' ');
  let at = 0;
  /** A line of 60 to 72 characters, as an editor breaks them. */
  const wrapped = () => {
    let line = word();
    while (line.length < 62) line += ` ${word()}`;
    return line;
  };
  const lines = (count: number, of: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => `${of(at)}\n`).join('');

  it('finds characters that were lost or misread', async () => {
    const lost = await messages(`${text(1500)} caf\ufffd `);
    expect(lost.replacement_characters).toMatch(/^1 replacement character/);
    const misread = await messages(lines(80, () => `The cafÃ© â€” ${phrase(4)} itâ€™s â€œyesâ€�`));
    expect(misread.misread_utf8).toMatch(/UTF-8 .* Windows-1252, such as Ã© for é, â€” for —, â€™ for ’/);
    expect(await messages(lines(80, () => `Não, é São João; Über Ångström ${phrase(5)}`))).not.toHaveProperty(
      'misread_utf8',
    );
  });

  it('finds mixed normal forms', async () => {
    const mixed = lines(
      60,
      (at) => `${phrase(6)} ${(at % 2 === 0 ? 'café' : 'café').normalize(at % 2 === 0 ? 'NFC' : 'NFD')}`,
    );
    expect((await messages(mixed)).normal_forms).toMatch(
      /30 letters with marks .* 30 are a letter and marks/,
    );
    expect(await messages(mixed.normalize('NFD'))).not.toHaveProperty('normal_forms');
  });

  it.each([
    ['JSON Lines', () => JSON.stringify({ by: word(), said: phrase(9) }), "jq -r '.said' FILE"],
    ['CSV', () => `${word()},"${phrase(6)}, ${word()}",${word()}`, 'mlr --icsv'],
    ['TSV', () => `${word()}\t${phrase(6)}\t${word()}`, 'cut -f'],
    ['HTML', () => `<p class="line">${phrase(4)}<br></p>`, 'pandoc -f html'],
    ['XML', () => `<verse n="1"><w>${word()}</w> ${phrase(2)}</verse>`, 'xmllint'],
  ])('knows %s from prose, and how to take the text out', async (kind, line, command) => {
    const { markup } = await messages(lines(100, line));
    expect(markup).toContain(`This is ${kind},`);
    expect(markup).toContain(command);
  });

  it('names subtitles, and the command that takes their text out', async () => {
    const subtitles = lines(90, (at) => `${at}\n00:01:02,500 --> 00:01:04,000\n<i>${phrase(6)}</i>\n`);
    expect((await messages(subtitles)).markup).toContain(
      "This is subtitles, and its punctuation is learnt too. To train on the text alone: `sed -E '/^[0-9]+",
    );
  });

  it('takes a program with tags and types in it for a program', async () => {
    const program = lines(90, (at) => `const a${at}: Promise<Widget> = html\`<p class="a">${word()}</p>\`;`);
    expect(await messages(program)).not.toHaveProperty('markup');
  });

  it.each([
    ['invisible_characters', (text: string) => text.replaceAll(' ', '\u200b '), /zero width spaces.*perl/],
    ['no_break_spaces', (text: string) => text.replaceAll(' ', '\u00a0'), /U\+00A0.*perl/],
    ['decomposed_letters', (text: string) => text.replaceAll('e', 'e\u0301'), /\(NFD\).*uconv -x any-nfc/],
    ['entities', (text: string) => text.replaceAll('the', '&quot;the&quot;'), /&quot;.*html\.unescape/],
    ['gutenberg', (text: string) => `*** START OF THE PROJECT GUTENBERG EBOOK ***\n${text}`, /licence.*sed/],
  ])('warns of %s, with the command that mends them', async (code, damage, words) => {
    const text = lines(200, () => `the ${phrase(9)}.`);
    expect(await messages(text)).not.toHaveProperty(code);
    expect((await messages(damage(text)))[code]).toMatch(words);
  });

  it('takes prose, verse and code for none of these', async () => {
    const prose = lines(60, () => `${phrase(12)}, ${phrase(5)}; "${phrase(3)}," he said.\n`);
    expect(await messages(prose)).not.toHaveProperty('markup');
    const code = lines(
      100,
      (at) => `  if (a${at} < b[${at}]) { return f(${word()}, ${at}); } // ${phrase(2)}`,
    );
    expect(await messages(code)).not.toHaveProperty('markup');
  });

  it('counts repeats of a list by line, and knows a sorted one', async () => {
    const names = Array.from({ length: 400 }, (_, at) => `${phrase(2)} ${at}`);
    const twice = await inspectCorpus([file([...names, ...names].map((name) => `${name}\n`).join(''))]);
    expect(twice.duplicates.unit).toBe('line');
    expect(twice.duplicates.share).toBeCloseTo(0.5, 1);
    expect(await messages(names.map((name) => `${name}\n`).join(''))).not.toHaveProperty('sorted_lines');
    const inOrder = names
      .toSorted()
      .map((name) => `${name}\n`)
      .join('');
    expect(await messages(inOrder)).not.toHaveProperty('sorted_lines');
    const { findings } = await inspectCorpus([file(inOrder)], { kind: 'text' });
    expect(findings.find(({ code }) => code === 'sorted_lines')?.message).toMatch(
      /400 lines are sorted.*--kind lines/,
    );
  });

  it.each([
    ['names', () => `${word()}${word()}`],
    ['names of two words', () => `${word()} ${word()}`],
    ['rows of JSON', () => JSON.stringify({ by: word(), said: phrase(9) })],
    ['rows of a table', () => `${word()},"${phrase(6)}, ${word()}",${word()}`],
  ])('knows that in a list of %s every line stands by itself, and shuffles it', async (_, line) => {
    const rows = Array.from({ length: 300 }, line).sort();
    const path = file(rows.join('\n'));
    const { corpus, preflight } = await readCorpus([path]);
    expect(preflight.kind).toBe('lines');
    expect(preflight.findings.find(({ code }) => code === 'lines')?.message).toContain('--kind text');
    const read = (part: ArrayLike<number>) => Array.from(part, (id) => corpus.alphabet[id]).join('');
    expect(read(corpus.training) + read(corpus.heldOut)).toBe(read(corpus.ids));
    const shuffled = read(corpus.ids).split('\n').slice(0, -1);
    expect(shuffled).not.toEqual(rows);
    expect(shuffled.toSorted()).toEqual(rows);
    expect(read(corpus.training).endsWith('\n')).toBe(true);
    const kept = await readCorpus([path], { kind: 'text' });
    expect(Array.from(kept.corpus.ids, (id) => kept.corpus.alphabet[id]).join('')).toBe(rows.join('\n'));
    expect(kept.preflight.kind).toBe('text');
  });

  it.each([
    ['verse', () => `${phrase(7)}${at++ % 3 === 0 ? '.' : ','}`],
    ['prose with a right margin', () => wrapped()],
    ['prose with empty lines', () => `${phrase(5)}.\n`],
    ['code', () => `  ${word()} = ${word()}(${word()});`],
    ['a play', () => (at++ % 4 === 0 ? `${word().toUpperCase()}:` : phrase(6))],
  ])('takes the lines of %s for a text that goes on', async (_, line) => {
    const report = await inspectCorpus([file(lines(300, line))]);
    expect(report.kind).toBe('text');
  });

  it('measures n-gram models of a sorted list on letters that they learnt', async () => {
    const names = Array.from(
      { length: 2000 },
      (_, place) => `${String.fromCharCode(97 + place / 80)}${word()}`,
    );
    const sorted = await inspectCorpus([file(`${names.join('\n')}\n`)]);
    const kept = await inspectCorpus([file(`${names.join('\n')}\n`)], { kind: 'text' });
    expect(sorted.estimate.trigramLoss).toBeLessThan(kept.estimate.trigramLoss);
  });

  it('warns of a small text that must be learnt from fresh weights, and not of one that starts from the base', async () => {
    const small = lines(90, () => `${phrase(9)}.\n`);
    expect((await messages(small)).gate).toMatch(/fresh weights.*gate may refuse.*--from/);
    const { alphabet, ids, training } = (await readCorpus([file(small)])).corpus;
    const codes = async (next: (at: number) => number | undefined) => {
      let at = training.length - 256; // where measuring begins
      const start = () => ({
        step: () => {
          const id = next(++at);
          return Float32Array.from(alphabet, (_, other) => (other === id ? 20 : 0));
        },
        close: () => undefined,
      });
      const { findings } = await inspectCorpus([file(small)], { base: { alphabet, start } });
      return findings.map(({ code }) => code);
    };
    expect(await codes((at) => ids[at])).not.toContain('gate'); // a base that knows the text
    expect(await codes(() => undefined)).toContain('gate'); // one that guesses
  });

  it('takes a few lines over and over for running text, since none can be held out', async () => {
    for (const content of ['The same line again.\n'.repeat(100), 'yes\nno\nno\n'.repeat(500)]) {
      const { kind, estimate } = await inspectCorpus([file(content)]);
      expect(kind).toBe('text');
      expect([estimate.trigramLoss, estimate.ngramLoss, ...estimate.expectedLossRange]).toSatisfy((values) =>
        values.every(Number.isFinite),
      );
      const { corpus } = await readCorpus([file(content)]);
      expect(corpus.heldOut.length).toBeGreaterThan(99);
      await expect(inspectCorpus([file(content)], { kind: 'lines' })).rejects.toMatchObject({
        code: 'corpus_invalid',
        details: expect.objectContaining({ where: '--kind' }),
      });
    }
  });

  it('cannot read a text without a newline as lines', async () => {
    await expect(inspectCorpus([file('ab '.repeat(500))], { kind: 'lines' })).rejects.toMatchObject({
      code: 'corpus_invalid',
      details: expect.objectContaining({ where: '--kind' }),
    });
  });

  it('refuses a text of more control characters than letters', async () => {
    await expect(inspectCorpus([file(`${'a\u0004\u0005 '.repeat(1000)}`)])).rejects.toMatchObject({
      code: 'corpus_invalid',
      message: expect.stringMatching(/2,000 control characters and 1,000 letters/),
    });
  });

  it('names licence files in a folder', async () => {
    mkdirSync(join(folder, 'book'));
    file(text(2000), 'book/chapter.txt');
    file(text(2000), 'book/LICENSE.md');
    const { findings } = await inspectCorpus([join(folder, 'book')]);
    expect(findings.find(({ code }) => code === 'licence_files')?.message).toMatch(/LICENSE\.md/);
  });

  it('finds what looks like secrets and addresses, and where', async () => {
    const lines = [
      text(1500),
      'write to jane.doe@example.org',
      'api_key = "0123456789abcdef"',
      'AKIAIOSFODNN7EXAMPLE',
    ];
    const report = await inspectCorpus([file(lines.join('\n'))]);
    expect(report.secrets.map(({ code, count, line }) => [code, count, line])).toEqual([
      ['email', 1, 2],
      ['aws_key', 1, 4],
      ['password', 1, 3],
    ]);
    expect(report.findings.find(({ code }) => code === 'email')?.severity).toBe('warning');
  });

  it('finds an address that lies across two chunks', async () => {
    const path = file(`${'x '.repeat(131_066)} jane.doe@example.org${text(3000)}`);
    const { secrets } = await inspectCorpus([path]);
    expect(secrets.map(({ code, count }) => [code, count])).toEqual([['email', 1]]);
  });

  it('estimates how much of a text is copies', async () => {
    const once = Array.from({ length: 30_000 }, (_, at) => `${(at * 7919) % 30_011} `).join('');
    const single = await inspectCorpus([file(once)]);
    const double = await inspectCorpus([file(once + once)]);
    expect(single.duplicates.share).toBeLessThan(0.01);
    expect(double.duplicates.share).toBeCloseTo(0.5, 1);
    expect(double.duplicates.examples[0]?.count).toBe(2);
    expect(once).toContain(double.duplicates.examples[0]?.text);
  });

  it('expects less loss of a regular text, and more time of a long one', async () => {
    const random = Random.fromSeed(1);
    const letters = Array.from(
      { length: 300_000 },
      () => 'abcdefghijklmnop'[Math.floor(16 * random.uniform())],
    ).join('');
    const regular = await inspectCorpus([file(text(50_000))]);
    const irregular = await inspectCorpus([file(letters)]);
    expect(irregular.estimate.trigramLoss).toBeGreaterThan(Math.log(16) * 0.95);
    expect(regular.estimate.trigramLoss).toBeLessThan(irregular.estimate.trigramLoss);
    expect(irregular.estimate.seconds).toBeGreaterThan(regular.estimate.seconds);
    expect(irregular.estimate.dollars).toBeGreaterThan(irregular.estimate.spotDollars);
  });
});

describe('CorpusDecoder', () => {
  const decode = (bytes: Uint8Array, chunk: number, encoding = 'utf-8'): string => {
    const decoder = new CorpusDecoder('text', encoding);
    let text = '';
    for (let at = 0; at < bytes.length; at += chunk) text += decoder.push(bytes.subarray(at, at + chunk));
    decoder.end();
    return text;
  };

  it('agrees with TextDecoder on any text, however it is cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 7 }), (any, chunk) => {
        expect(decode(new TextEncoder().encode(`text ${any}`), chunk)).toBe(`text ${any.toWellFormed()}`);
      }),
    );
  });

  it('refuses what TextDecoder refuses', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const bytes = fc.uint8Array({ maxLength: 6 }).map((random) => random.map((byte) => byte | 0x80));
    fc.assert(
      fc.property(
        fc.oneof(bytes, fc.uint8Array({ maxLength: 8 })),
        fc.integer({ min: 1, max: 3 }),
        (random, chunk) => {
          const any = Buffer.concat([Buffer.from('text'), random]);
          let expected: string | undefined;
          try {
            expected = strict.decode(any);
          } catch {
            expect(() => decode(any, chunk)).toThrow(/not UTF-8 at byte \d/);
            return;
          }
          expect(decode(any, chunk)).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('joins surrogate pairs of CESU-8, however it is cut', () => {
    const bytes = Buffer.from('a \xed\xa0\xbd\xed\xb8\x80 and é'.replace('é', '\xc3\xa9'), 'latin1');
    for (const chunk of [1, 2, 3, 4, 5, 6, 7, 100]) expect(decode(bytes, chunk, 'cesu-8')).toBe('a 😀 and é');
    expect(() => decode(bytes.subarray(0, 6), 100, 'cesu-8')).toThrow(/CESU-8 at byte 2 .*ends inside/);
  });

  it.each([
    ['windows-1252', Buffer.from('na\xefve \x93caf\xe9\x94', 'latin1'), 'naïve “café”'],
    ['utf-16le', Buffer.from('Да, 漢', 'utf16le'), 'Да, 漢'],
    ['gbk', Buffer.from('c4e3bac3', 'hex'), '你好'],
  ])('reads %s', (encoding, bytes, text) => {
    for (const chunk of [1, 3, 100]) expect(decode(bytes, chunk, encoding)).toBe(text);
  });
});

describe('a file that is no UTF-8 text', () => {
  const russian = 'Каждое утро он выходил из дома и шёл вдоль реки, пока не начинался дождь. '.repeat(30);
  const windows1251 = (): Buffer => {
    const table = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++)
      table.set(new TextDecoder('windows-1251').decode(Uint8Array.of(byte)), byte);
    return Buffer.from(Array.from(russian, (character) => table.get(character)!));
  };
  const zip = (name: string) => Buffer.from(`PK\x03\x04\x14\0\0\0\0\0${name}\0\0\0`, 'latin1');

  it.each([
    ['UTF-16 without its mark', Buffer.from(russian, 'utf16le'), /UTF-16 text without .*--encoding utf-16le/],
    [
      'UTF-16 with its mark',
      Buffer.from(`\uFEFF${russian}`, 'utf16le'),
      /UTF-16 text with its .*--encoding utf-16le/,
    ],
    ['English in UTF-16, big-endian', Buffer.from(text(2000), 'utf16le').swap16(), /--encoding utf-16be/],
    ['windows-1251', windows1251(), /looks like windows-1251; .*“Каждое”.*--encoding windows-1251/],
    [
      'windows-1252',
      Buffer.from(`${text(500)} a na\xefve \x93caf\xe9\x94 `.repeat(4), 'latin1'),
      /windows-1252 \(Latin-1\); .*“naïve”, “café”.*--encoding windows-1252/,
    ],
    [
      'a stray byte among sound characters',
      Buffer.concat([
        Buffer.from(`${'naïve café '.repeat(300)}\n`),
        Buffer.from([0xe9]),
        Buffer.from(text(900)),
      ]),
      /byte 3901 \(line 2\): 1 stray byte among 600 sound characters .*-c/,
    ],
    [
      'CESU-8',
      Buffer.from(`${text(1500)}\xed\xa0\xbd\xed\xb8\x80`, 'latin1'),
      /byte 1500 .*--encoding cesu-8/,
    ],
    ['PDF', Buffer.from(`%PDF-1.7\n${text(3000)}`), /a PDF file: .*pdftotext/],
    ['DOCX', zip('word/document.xml'), /a Word document \(DOCX\)/],
    ['EPUB', zip('mimetypeapplication/epub+zip'), /an e-book \(EPUB\)/],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), /a gzip file: .*gunzip/],
    ['bzip2', Buffer.from('BZh91AY'), /a bzip2 file/],
    ['xz', Buffer.from('\xfd7zXZ\0', 'latin1'), /an xz file/],
    ['SQLite', Buffer.from('SQLite format 3\0'), /an SQLite database/],
  ])('%s is named, with what to do, alone and in a folder', async (name, content, message) => {
    const inFolder = join(folder, `faulty ${name}`);
    mkdirSync(inFolder);
    const path = file(content, `faulty ${name}/faulty.txt`);
    const expected = { code: 'corpus_invalid', message: expect.stringMatching(message) };
    await expect(inspectCorpus([path])).rejects.toMatchObject(expected);
    file(text(2000), `faulty ${name}/sound.txt`);
    const both = await inspectCorpus([inFolder]).then(
      ({ findings }) => findings.map((finding) => finding.message).join('\n'),
      (error: Error) => error.message,
    );
    expect(both).toMatch(message);
  });

  it('is read in the encoding that was advised', async () => {
    const { corpus } = await readCorpus([file(windows1251())], { encoding: 'windows-1251' });
    expect(decoded(corpus)).toBe(russian);
    const inUtf16 = join(folder, 'in utf16');
    mkdirSync(inUtf16);
    file(Buffer.from(russian, 'utf16le'), 'in utf16/a.txt');
    await expect(inspectCorpus([inUtf16])).rejects.toMatchObject({
      code: 'corpus_not_found',
      message: expect.stringMatching(/a\.txt is UTF-16 text without/),
    });
    const fromFolder = await readCorpus([inUtf16], { encoding: 'UTF-16' });
    expect(decoded(fromFolder.corpus)).toBe(russian);
    await expect(inspectCorpus([inUtf16], { encoding: 'none' })).rejects.toMatchObject({
      code: 'invalid_parameter',
    });
  });

  it('is named for every file of a run at once', async () => {
    const files = [file(Buffer.from([0x1f, 0x8b, 8])), file(text(2000)), file(windows1251())];
    await expect(inspectCorpus(files)).rejects.toMatchObject({
      code: 'corpus_invalid',
      message: expect.stringMatching(/^2 files .*\n .*gzip.*\n .*windows-1251/),
    });
  });
});

describe('defaultCorpus', () => {
  it('fetches once and keeps the file, and names --corpus where it is out of reach', async () => {
    const asked: string[] = [];
    await using server = await serving((path) => {
      asked.push(path);
      return path === '/shakespeare.txt' ? text(2000) : undefined;
    });
    const address = `${server.address}/shakespeare.txt`;
    const first = await defaultCorpus(address, folder);
    expect(await defaultCorpus(address, folder)).toBe(first);
    expect(asked).toEqual(['/shakespeare.txt']);
    await expect(defaultCorpus(`${server.address}/other.txt`, folder)).rejects.toMatchObject({
      code: 'corpus_not_found',
      message: expect.stringMatching(/404.*--corpus FILE/),
    });
  });
});
