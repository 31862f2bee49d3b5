import { Presets, SingleBar } from 'cli-progress';

/** A bar for reading through a text on a terminal; elsewhere nothing. */
export const openReadingBar = (
  characters: number,
  log: NodeJS.WritableStream & { readonly isTTY?: boolean } = process.stderr,
): { update: (read: number) => void; end: () => void } => {
  if (!log.isTTY) return { update: () => {}, end: () => {} };
  const bar = new SingleBar(
    {
      format: '{bar} {percentage}%  {eta_formatted} left  {value} of {total} characters',
      stream: log,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 16, // the whole line has room in 80 columns
    },
    Presets.shades_classic,
  );
  bar.start(characters, 0);
  return { update: (read) => bar.update(read), end: () => bar.stop() };
};
