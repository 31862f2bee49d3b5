/** `1,234`. */
export const grouped = (value: number): string => decimal(value, 0);

const decimal = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** `1.2 %`, `35 %`; a share of nothing is `0 %`. */
export const percent = (share: number): string => {
  const digits = share === 0 ? 0 : share < 0.001 ? 2 : share < 0.1 ? 1 : 0;
  return `${decimal(100 * share, digits)} %`;
};

/** `1 time`, `3 times`. */
export const several = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`;

const durations = new Intl.DurationFormat('en', { style: 'short' });
const shortest = new Intl.DurationFormat('en', { style: 'short', secondsDisplay: 'always' });

/** `12 sec`, `3 min, 20 sec`, `5 hr, 10 min`, `3 days`: the two largest units at most. */
export const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.round(seconds);
  if (whole < 60) return shortest.format({ seconds: whole });
  if (whole < 3600) return durations.format({ minutes: Math.floor(whole / 60), seconds: whole % 60 });
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours < 48
    ? durations.format({ hours, minutes })
    : durations.format({ days: Math.round(whole / 86_400) });
};

/** `0:12`, `3:20`, `5:10:00`, `3 days`: as a clock shows it, so that it keeps its width while it runs. */
export const clock = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
};

const prices = (digits: number) =>
  new Intl.NumberFormat('en', {
    ...{ style: 'currency', currency: 'USD' },
    ...{ minimumFractionDigits: digits, maximumFractionDigits: digits },
  });

/** `$0.21`, `$38`. */
export const dollars = (value: number): string =>
  value < 0.01 ? 'under $0.01' : prices(value < 10 ? 2 : 0).format(value);

/** A character to be shown: spaces, newlines and marks by a sign or by number. */
export const visible = (character: string): string => {
  const sign = { ' ': '␣', '\n': '⏎', '\t': '⇥' }[character];
  if (sign !== undefined) return sign;
  const code = character.codePointAt(0)!;
  return /[\p{Z}\p{C}\p{M}]/u.test(character)
    ? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    : character;
};
