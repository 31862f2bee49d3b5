/** How the page writes numbers and dates. The page is in English whatever the browser's language. */
const locale = 'en-GB';

const integers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const wholePercents = new Intl.NumberFormat(locale, { style: 'percent' });
const tenthPercents = new Intl.NumberFormat(locale, {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const seconds = new Intl.NumberFormat(locale, { style: 'unit', unit: 'second', maximumFractionDigits: 0 });
const minutes = new Intl.NumberFormat(locale, { style: 'unit', unit: 'minute', maximumFractionDigits: 0 });
const megabytes = new Intl.NumberFormat(locale, {
  style: 'unit',
  unit: 'megabyte',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

export const formatInteger = (value: number): string => integers.format(value);

/** `1 character`, `1,234 characters`. */
export const formatCount = (value: number, one: string): string =>
  `${formatInteger(value)} ${one}${value === 1 ? '' : 's'}`;

/** With this many digits after the point, as 1.523 nats. */
export const formatDecimal = (value: number, digits: number): string =>
  value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** @param share 0 to 1 */
export const formatPercent = (share: number): string => {
  if (share < 0.001) return `under ${tenthPercents.format(0.001)}`;
  return (share < 0.1 ? tenthPercents : wholePercents).format(share);
};

/** @param duration Seconds; from 90 on in minutes */
export const formatDuration = (duration: number): string =>
  duration < 90 ? seconds.format(Math.ceil(duration)) : minutes.format(duration / 60);

export const formatMegabytes = (bytes: number): string => megabytes.format(bytes / 1e6);

/** In the visitor's own time zone. */
export const formatDate = (date: Date): string => dates.format(date);
