/** The UTC time that names of versions and ids of trainings begin with, so that they sort by time: `20261124T120000Z`. */
export const timestamp = (time: Date): string => time.toISOString().replace(/[-:]|\.\d+/g, '');

const pattern = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z/;

/** The time that a name begins with; undefined for a name of another form. */
export const timeOfName = (name: string): Date | undefined => {
  const [, year, month, day, hour, minute, second] = pattern.exec(name) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time;
};
