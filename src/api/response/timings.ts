import type { KernelInfo } from '../../model/stepper.ts';

/** What a host with a price per use charges: memory times time, and each request. */
export interface UsagePricing {
  readonly memoryMegabytes: number;
  readonly dollarsPerGigabyteSecond: number;
  readonly dollarsPerRequest: number;
}

export interface Timings {
  /** The build of the code that multiplied: see `KernelInfo`. */
  readonly kernel: KernelInfo['build'];
  readonly load_ms: number;
  /** From the request to the first character; absent when none was made. */
  readonly first_character_ms?: number;
  readonly generation_ms: number;
  /** Of all completions together. */
  readonly characters_per_second: number;
  readonly gb_ms?: number;
  /** An estimate: the host's own charge covers the whole invocation. */
  readonly estimated_usd?: number;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** @param moments Milliseconds: of loading, from request to first character, of generating, and in all. */
export const timings = (
  moments: { load: number; firstCharacter?: number | undefined; generation: number; whole: number },
  characters: number,
  pricing?: UsagePricing,
): Omit<Timings, 'kernel'> => {
  const gigabyteMilliseconds = pricing && (moments.whole * pricing.memoryMegabytes) / 1024;
  return {
    load_ms: rounded(moments.load, 2),
    ...(moments.firstCharacter === undefined
      ? {}
      : { first_character_ms: rounded(moments.firstCharacter, 2) }),
    generation_ms: rounded(moments.generation, 2),
    characters_per_second: moments.generation > 0 ? rounded((characters * 1000) / moments.generation, 1) : 0,
    ...(pricing === undefined || gigabyteMilliseconds === undefined
      ? {}
      : {
          gb_ms: rounded(gigabyteMilliseconds, 2),
          estimated_usd: rounded(
            (gigabyteMilliseconds / 1000) * pricing.dollarsPerGigabyteSecond + pricing.dollarsPerRequest,
            12,
          ),
        }),
  };
};
