type Present<Properties> = { [Name in keyof Properties]?: Exclude<Properties[Name], undefined> };

/** Without the properties that are undefined. */
export const present = <Properties extends object>(properties: Properties): Present<Properties> =>
  Object.fromEntries(
    Object.entries(properties).filter(([, value]) => value !== undefined),
  ) as Present<Properties>;
