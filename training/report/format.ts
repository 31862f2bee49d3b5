/** Figures as people read them. */
export const grouped = (value: number): string => Math.round(value).toLocaleString('en');

/** `1.2 %`, `35 %`; a share of nothing is `0 %`. */
export const percent = (share: number): string => {
  if (share === 0) return '0 %';
  return `${(100 * share).toFixed(share < 0.001 ? 2 : share < 0.1 ? 1 : 0)} %`;
};

/** `1 time`, `3 times`. */
export const several = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`;

/** `12 s`, `3 min 20 s`, `5 h 10 min`. */
export const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const hours = Math.floor(whole / 3600);
  return hours < 48
    ? `${hours} h ${Math.floor((whole % 3600) / 60)} min`
    : `${Math.round(whole / 86_400)} days`;
};

/** `$0.21`, `$38`. */
export const dollars = (value: number): string =>
  value < 0.01 ? 'under $0.01' : `$${value.toFixed(value < 10 ? 2 : 0)}`;

/** A character to be shown: spaces, newlines and marks by a sign or by number. */
export const visible = (character: string): string => {
  const sign = { ' ': '␣', '\n': '⏎', '\t': '⇥' }[character];
  if (sign !== undefined) return sign;
  const code = character.codePointAt(0)!;
  return /[\p{Z}\p{C}\p{M}]/u.test(character)
    ? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    : character;
};
