/** The DRY penalty by the plainest code there is: every earlier place is compared with the text's end. */
export interface PlainDry {
  readonly multiplier: number;
  readonly base: number;
  readonly allowedLength: number;
  readonly window: number;
  readonly breakers: readonly string[];
}

const isWord = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{M}\p{N}'’]/u.test(character);

/** @returns What each character's logit loses after a text; characters that lose nothing are left out */
export const plainDryPenalties = (
  text: string,
  { multiplier, base, allowedLength, window, breakers }: PlainDry,
): ReadonlyMap<string, number> => {
  const all = [...text];
  const broken = Math.max(
    0,
    ...breakers.map((breaker) => (text.includes(breaker) ? text.lastIndexOf(breaker) + breaker.length : 0)),
  );
  const looked = all.slice(Math.max(0, all.length - window));
  const begunLately = all.some(
    (character, at) =>
      at > 0 && at >= all.length - allowedLength && isWord(character) && !isWord(all[at - 1]),
  );
  const longest = new Map<string, number>();
  for (let next = 1; next < looked.length; next++) {
    let length = 0;
    while (
      length < next &&
      length < all.length - broken &&
      looked[next - 1 - length] === looked[looked.length - 1 - length]
    ) {
      length++;
    }
    const character = looked[next]!;
    const mayWeigh = !begunLately || (isWord(character) && !isWord(looked.at(-1)));
    if (length >= allowedLength && mayWeigh)
      longest.set(character, Math.max(length, longest.get(character) ?? 0));
  }
  return new Map(
    [...longest].map(([character, length]) => [
      character,
      Math.min(100, multiplier * base ** (length - allowedLength)),
    ]),
  );
};
