import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FolderStore } from '../../../src/store/folder-store.ts';
import { readRecord } from '../../../src/training-jobs/records.ts';
import { sourceOf } from '../../../training/corpus/store-source.ts';
import type { StartedEvent, TrainingEvent } from '../../../training/events.ts';
import { RecordKeeper } from '../../../training/record.ts';
import { barLine, openProgress } from '../../../training/report/progress.ts';
import { ReportKeeper } from '../../../training/report/report.ts';
import { reportHtml } from '../../../training/report/report-html.ts';
import { someEvents } from './events.ts';

const folder = mkdtempSync(join(tmpdir(), 'folio-progress-'));
const corpus = join(folder, 'novel.txt');
writeFileSync(corpus, 'It was a dark & stormy night; <b>so</b> it was. '.repeat(60));
let events: TrainingEvent[];
beforeAll(async () => {
  events = await someEvents(corpus);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('RecordKeeper', () => {
  const id = '20261124T120000Z-0a1b-novel';
  const start = { id, model: 'novel', preset: 'tiny', source: 'novel.txt' };

  it('rewrites the record as the training goes on, and ends it as published', async () => {
    const store = new FolderStore(folder);
    const now = new Date();
    const keeper = new RecordKeeper(store, start, () => now);
    await keeper.begin();
    expect(await readRecord(store, id)).toMatchObject({ state: 'running', history: [] });
    for (const event of events.slice(0, -1)) {
      now.setTime(now.getTime() + 1000);
      keeper.update(event);
    }
    await keeper.flush();
    const running = await readRecord(store, id);
    expect(running).toMatchObject({
      state: 'running',
      corpus: { source: 'novel.txt', digest: expect.stringMatching(/^sha256:/), characters: 2880 },
      progress: {
        epoch: 2,
        epochs: 2,
        step: 200,
        steps: 200,
        loss: 2.1,
        validationLoss: 2.1,
        charactersPerSecond: 1200,
      },
      history: [
        { epoch: 1, validationLoss: 2.3 },
        { epoch: 2, validationLoss: 2.1 },
      ],
    });
    expect(running?.samples.map(({ epoch }) => epoch)).toEqual([2]);
    expect(running?.logTail).toContain('warning: No better for a while.');
    keeper.update(events.at(-1)!);
    await keeper.flush();
    expect(await readRecord(store, id)).toMatchObject({
      state: 'published',
      version: '20261124T120000Z-0a1b2c3d',
    });
  });

  it('keeps the samples of the best epoch, and says which it is and how the model is judged', async () => {
    const store = new FolderStore(folder);
    const keeper = new RecordKeeper(store, start);
    for (const event of events) {
      if (event.type === 'validation') keeper.update({ ...event, best: event.epoch === 1 });
      else if (event.type === 'finished') keeper.update({ ...event, bestEpoch: 1 });
      else if (event.type === 'published') keeper.update({ type: 'judgement', message: 'It is good.' });
      else keeper.update(event);
    }
    await keeper.flush();
    const record = await readRecord(store, id);
    expect(record).toMatchObject({ bestEpoch: 1, judgement: 'It is good.' });
    expect(record?.samples.map(({ epoch }) => epoch)).toEqual([1, 2]);
    await keeper.discard();
    expect(await readRecord(store, id)).toBeUndefined();
  });

  it('begins with the losses and samples of the run that it goes on from', async () => {
    const store = new FolderStore(folder);
    const keeper = new RecordKeeper(store, start);
    const over = events.findIndex(({ type }) => type === 'sample') + 1; // the first epoch
    const [, started, ...first] = events.slice(0, over);
    if (started?.type !== 'started') throw new Error('not started');
    const isEarlier = ({ type }: TrainingEvent) =>
      type === 'validation' || type === 'epoch' || type === 'sample';
    const earlier = first.filter(isEarlier) as NonNullable<StartedEvent['earlier']>;
    keeper.update({ ...started, resumedAt: 100, earlier });
    for (const event of events.slice(over)) {
      if (event.type === 'validation') keeper.update({ ...event, best: false });
      else if (event.type === 'finished') keeper.update({ ...event, bestEpoch: 1 });
      else keeper.update(event);
    }
    await keeper.flush();
    const record = await readRecord(store, id);
    expect(record).toMatchObject({
      bestEpoch: 1,
      history: [{ epoch: 1, validationLoss: 2.3 }, { epoch: 2 }],
    });
    expect(record?.samples.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  it('says why a training ended otherwise', async () => {
    const store = new FolderStore(folder);
    const rejected = new RecordKeeper(store, start);
    rejected.update({ type: 'rejected', version: 'v', key: 'candidates/novel/v', reasons: ['Too bad.'] });
    await rejected.flush();
    expect(await readRecord(store, id)).toMatchObject({
      state: 'rejected',
      failure: { code: 'rejected_by_gate', message: 'Too bad.' },
    });
    await new RecordKeeper(store, start).fail('failed', 'training_diverged', 'It diverged.');
    expect(await readRecord(store, id)).toMatchObject({
      state: 'failed',
      failure: { code: 'training_diverged' },
    });
  });

  it('is written where the clock is put back, as often as before', async () => {
    const store = new FolderStore(folder);
    const now = new Date('2026-01-02T12:00:00Z');
    const keeper = new RecordKeeper(store, start, () => now);
    await keeper.begin();
    for (const [hours, line] of [
      [-24, 'a day back'],
      [0, 'and three seconds on'],
    ] as const) {
      now.setTime(now.getTime() + hours * 3_600_000 + 3_000);
      keeper.log(line);
      await expect.poll(async () => (await readRecord(store, id))?.logTail.at(-1)).toBe(line);
    }
    await keeper.discard();
  });

  it('is written while nothing happens, as when teachers write, until the training is over', async () => {
    const store = new FolderStore(folder);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const updatedAt = async () => (await readRecord(store, id))!.updatedAt;
    const keeper = new RecordKeeper(store, start);
    await keeper.begin();
    const first = await updatedAt();
    vi.advanceTimersByTime(5 * 60_000);
    await vi.waitFor(async () => expect(Date.parse(await updatedAt())).toBeGreaterThan(Date.parse(first)));
    await keeper.fail('failed', 'training_diverged', 'It diverged.');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('continues when the store fails for a while', async () => {
    const store = new FolderStore(folder);
    let failing = true;
    const write = store.write.bind(store);
    store.write = (key, bytes) => (failing ? Promise.reject(new Error('no')) : write(key, bytes));
    const keeper = new RecordKeeper(store, start);
    await expect(keeper.begin()).rejects.toThrow('no');
    for (const event of events) keeper.update(event);
    failing = false;
    await keeper.flush();
    expect(await readRecord(store, id)).toMatchObject({ state: 'published' });
  });
});

describe('openProgress', () => {
  const shown = async (options: {
    json?: boolean;
    terminal?: boolean;
  }): Promise<{ out: string; log: string }> => {
    const out = new PassThrough();
    const log = Object.assign(new PassThrough(), { isTTY: options.terminal ?? false, columns: 200 });
    const progress = openProgress({ json: options.json ?? false, out, log });
    for (const event of events) progress.update(event);
    progress.end();
    out.end();
    log.end();
    return { out: await textOf(out), log: await textOf(log) };
  };

  it('writes plain lines where there is no terminal, few of them about steps', async () => {
    const { out, log } = await shown({});
    expect(out).toBe('');
    expect(log).toMatch(/^corpus novel\.txt: 2,880 characters/);
    expect(log).toContain('epoch 2 done in 10 sec: loss 2.0000, validation 2.1000\n');
    expect(log).toContain('published models/novel/');
    expect(log.match(/^epoch \d step/gm)?.length).toBe(2); // every ten seconds
    expect(log).not.toContain('\u001b');
  });

  it('writes every event as a line of JSON by option', async () => {
    const { out, log } = await shown({ json: true });
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type }) => type)).toEqual(events.map(({ type }) => type));
    expect(lines[0].at).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(log).toBe('');
  });

  it('draws a bar with losses, pace and time left on a terminal', async () => {
    const { log } = await shown({ terminal: true });
    expect(log).toContain('epoch 1/2');
    expect(log).toMatch(/validation 2\.3000 .*characters\/s .*epoch 1\/2/);
    expect(log).toContain('finished after 20 sec');
  });

  it('fits its bar to the terminal, dropping what matters least', () => {
    const fields = {
      ...{ left: '12:05', loss: '1.5312', validation: '1.6021', pace: '22,912', epoch: '3/18' },
      step: '1,234/8,820',
    };
    const line = (width: number) => barLine(width, 0.42, fields);
    expect(line(30)).toBe(' 42%  12:05 left  loss 1.5312');
    expect(line(40)).toBe('████░░░░░  42%  12:05 left  loss 1.5312');
    expect(line(80)).toMatch(/^█+░+ {2}42% .* validation 1\.6021 {2}22,912 characters\/s$/);
    expect(line(100)).toMatch(/^█+░+ {2}42% .* characters\/s {2}epoch 3\/18$/);
    expect(line(120)).toMatch(/epoch 3\/18 {2}step 1,234\/8,820$/);
    for (let width = 1; width <= 140; width++)
      expect([...line(width)].length).toBeLessThan(Math.max(width, 1) + 0);
    for (const width of [60, 80, 100, 120]) expect(line(width)).toMatch(/42% {2}12:05 left {2}loss 1\.5312/);
  });
});

describe('ReportKeeper', () => {
  const kept = (events: readonly TrainingEvent[]): ReportKeeper => {
    const keeper = new ReportKeeper();
    for (const event of events) keeper.update(event);
    return keeper;
  };

  it('keeps the curves, samples and details of a training', () => {
    const { report } = kept(events);
    expect(report.steps.length).toBe(20);
    expect(report.steps[0]).toEqual({
      step: 10,
      loss: 2.95,
      learningRate: 1e-3,
      gradientNorm: 0.5,
      charactersPerSecond: 1010,
    });
    expect(report.epochs.map(({ validationLoss }) => validationLoss)).toEqual([2.3, 2.1]);
    expect(report).toMatchObject({
      finished: { bestEpoch: 2 },
      gate: { passed: true },
      preflight: { files: 1 },
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('lets a point stand for more steps as a training grows long', () => {
    const keeper = kept(events.slice(0, 2));
    const step = events.find((event) => event.type === 'step')!;
    for (let at = 1; at <= 10_000; at++) keeper.update({ ...step, step: at, loss: at });
    const { steps } = keeper.report;
    expect(steps.length).toBeGreaterThan(1000);
    expect(steps.length).toBeLessThanOrEqual(2000);
    expect(steps.at(-1)?.step).toBe(10_000);
    expect(steps.every((point, at) => at === 0 || point.loss > steps[at - 1]!.loss)).toBe(true);
    expect(steps[0]?.loss).toBeCloseTo((steps[0]!.step + 1) / 2, 6);
  });

  it('forgets what a lost run reported beyond the step that is resumed', () => {
    const keeper = kept(events.slice(0, -3));
    const started = events.find((event) => event.type === 'started')!;
    keeper.update({ ...started, resumedAt: 120 });
    expect(keeper.report.steps.at(-1)?.step).toBe(120);
    expect(keeper.report.epochs.length).toBe(1);
    expect(keeper.report.samples.map(({ epoch }) => epoch)).toEqual([1]);
  });
});

describe('reportHtml', () => {
  it('is one page that fetches nothing and lets no text out of its place', () => {
    const keeper = new ReportKeeper();
    for (const event of events) keeper.update(event);
    keeper.add({
      version: 'v1',
      overlap: {
        window: 32,
        windows: 1000,
        share: 0.0123,
        temperature: 0.8,
        text: '<img src=x onerror=alert(1)>',
      },
    });
    const page = reportHtml(keeper.report);
    expect(page).not.toMatch(/<(?:link|img|iframe)\b/i);
    expect(page).not.toMatch(/\b(?:src|href)="/);
    expect(page.match(/<\/script>/g)?.length).toBe(2);
    expect(page).toContain('&lt;img src=x');
    expect(page).toContain('1.2 %');
    expect(page).toContain('dropout.input');
    expect(page).toContain('after 2\n&lt;/script&gt;&lt;b&gt;');
  });

  it('makes a page of a training that has barely begun', () => {
    expect(reportHtml(new ReportKeeper().report)).toContain('</html>');
  });
});

describe('sourceOf', () => {
  const store = new FolderStore(folder);
  const readAll = async (key: string): Promise<number> => {
    let bytes = 0;
    for await (const chunk of sourceOf(store, key).open()) bytes += chunk.length;
    return bytes;
  };

  it.each([0, 1, 8 * 1024 * 1024, 8 * 1024 * 1024 + 5])(
    'reads an object of %i bytes piece by piece',
    async (size) => {
      await store.write(`corpora/of-${size}.txt`, new Uint8Array(size));
      expect(await readAll(`corpora/of-${size}.txt`)).toBe(size);
    },
  );

  it('reports an object that is not there, and one that is replaced while it is read', async () => {
    await expect(readAll('corpora/none.txt')).rejects.toMatchObject({ code: 'corpus_not_found' });
    const key = 'corpora/changing.txt';
    await store.write(key, new Uint8Array(9 * 1024 * 1024));
    const reading = async () => {
      for await (const _ of sourceOf(store, key).open())
        await store.write(key, new Uint8Array(10 * 1024 * 1024).fill(1));
    };
    await expect(reading()).rejects.toMatchObject({ code: 'corpus_changed' });
  });
});
