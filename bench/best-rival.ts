import type { Measured } from './harness.ts';

const figures = {
  medians: ({ median }: Measured): number => median,
  'best rounds': ({ runs }: Measured): number => Math.max(...runs),
};

/** Ours over the rivals, of each side the fastest with at most so many threads. @returns a line for each case and figure */
export const overBestRival = (
  cases: readonly Measured[],
  precision: 'f32' | 'int8',
  threads: number,
): readonly string[] => {
  const isAllowed = ({ subject }: Measured): boolean => threads > 1 || !subject.endsWith('-threads');
  const isOurs = ({ subject }: Measured): boolean =>
    [`folio-${precision}`, `folio-${precision}-threads`].includes(subject);
  const isTheirs = ({ subject }: Measured): boolean =>
    !/^(folio|memory)-/.test(subject) && subject.includes('int8') === (precision === 'int8');
  return [...new Set(cases.map((measured) => measured.case))].flatMap((name) => {
    const allowed = cases.filter((measured) => measured.case === name && isAllowed(measured));
    return Object.entries(figures).flatMap(([what, figure]) => {
      const fastest = (side: readonly Measured[]): Measured | undefined =>
        side.toSorted((a, b) => figure(b) - figure(a))[0];
      const [ours, theirs] = [fastest(allowed.filter(isOurs)), fastest(allowed.filter(isTheirs))];
      if (!ours || !theirs) return [];
      const times = (figure(ours) / figure(theirs)).toFixed(2);
      return [`  ${name}, threads: ${threads}, ${what}: ${ours.subject} / ${theirs.subject} = ${times}`];
    });
  });
};
