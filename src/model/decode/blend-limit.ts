/** Models of one blend: each holds its weights in memory and takes a step of its own for every character. */
export const MOST_BLENDED = 4;
