import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { interruptible } from '../../../src/cli/interruptible.ts';

const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  exit.mockClear();
});
afterEach(() => {
  vi.advanceTimersByTime(2000); // until signals are let go of
  vi.useRealTimers();
});

it('takes a signal that comes again at once, as through npx, for one', () => {
  const announced: string[] = [];
  const training = interruptible(undefined, (line) => announced.push(line));
  process.emit('SIGINT');
  vi.advanceTimersByTime(5);
  process.emit('SIGINT');
  training.end();
  expect(training.signal.aborted).toBe(true);
  expect(announced).toEqual(['Stopping after a last checkpoint; once more to stop at once.']);
  expect(exit).not.toHaveBeenCalled();
});

it('takes a signal that comes again just after the end for the same one', () => {
  const before = process.listenerCount('SIGINT');
  const training = interruptible(undefined, () => undefined);
  process.emit('SIGINT');
  training.end();
  vi.advanceTimersByTime(5);
  // Without a listener, the signal itself would end the process.
  expect(process.listenerCount('SIGINT')).toBe(before + 1);
  process.emit('SIGINT');
  expect(exit).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1000);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

it('ends at once when it is asked again later', () => {
  const training = interruptible(undefined, () => undefined);
  process.emit('SIGINT');
  vi.advanceTimersByTime(1500);
  process.emit('SIGTERM');
  training.end();
  expect(exit).toHaveBeenCalledWith(130);
});

it('ends at once when a second signal comes after the time limit', () => {
  const training = interruptible(10, () => undefined);
  vi.advanceTimersByTime(10_000);
  expect(training.timedOut()).toBe(true);
  process.emit('SIGINT');
  training.end();
  expect(exit).toHaveBeenCalledWith(130);
});

it('announces no stop once the training is over and is published', () => {
  const announced: string[] = [];
  const training = interruptible(10, (line) => announced.push(line));
  training.finish();
  vi.advanceTimersByTime(10_000);
  training.end();
  expect(announced).toEqual([
    'The time is up. The training is over: it is measured and published, which takes a moment; once more to stop at once.',
  ]);
});
