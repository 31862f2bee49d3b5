/** The known name that a key was meant to be: at most two letters wrong, missing, too many or exchanged, of five or more. */
export const nearestName = (key: string, known: ReadonlySet<string>): string | undefined => {
  if (key.length > 40) return undefined;
  const allowed = key.length < 5 ? 0 : key.length < 8 ? 1 : 2;
  return [...known].find((name) => {
    if (name.length < 5 || Math.abs(name.length - key.length) > allowed) return false;
    return editDistance(key.toLowerCase(), name) <= allowed;
  });
};

/** Optimal string alignment distance: insertions, deletions, substitutions, exchanges of neighbours. */
const editDistance = (a: string, b: string): number => {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
};
