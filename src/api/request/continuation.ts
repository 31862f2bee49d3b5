import { createHmac, timingSafeEqual } from 'node:crypto';
import { FolioError } from '../../errors.ts';
import type { Precision } from '../../model/stepper.ts';

/** Where a completion stopped, and under which model. */
export interface Continuation {
  readonly model: string;
  readonly version: string;
  readonly digest: string;
  readonly precision: Precision;
  readonly seed: number;
  readonly state: Uint8Array;
}

const format = 1;
const headBytes = 3; // the format, then the length of the facts
const macBytes = 32;

const refuse = (): never => {
  throw new FolioError(
    'state_mismatch',
    'continue_from: expected a state that this server signed, as `continue_from` of an earlier response carries it.',
    { where: 'continue_from', expected: 'a signed state' },
  );
};

/**
 * Signs the state of a completion, so that the client can keep it for the server, and no other state is run: HMAC
 * with SHA-256 (RFC 2104) over format, facts and state, in base64url. Every host with the same key can go on.
 */
export class ContinuationSigner {
  readonly #key: string | Uint8Array;

  constructor(key: string | Uint8Array) {
    this.#key = key;
  }

  seal({ state, ...facts }: Continuation): string {
    const encodedFacts = Buffer.from(JSON.stringify(facts));
    const head = Buffer.alloc(headBytes);
    head.writeUInt8(format, 0);
    head.writeUInt16BE(encodedFacts.length, 1);
    const signed = Buffer.concat([head, encodedFacts, state]);
    return Buffer.concat([signed, this.#mac(signed)]).toString('base64url');
  }

  /** @throws FolioError `state_mismatch` for what this key did not sign */
  open(token: string): Continuation {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length < headBytes + macBytes) return refuse();
    const signed = bytes.subarray(0, bytes.length - macBytes);
    if (!timingSafeEqual(bytes.subarray(bytes.length - macBytes), this.#mac(signed))) return refuse();
    if (signed.readUInt8(0) !== format) return refuse();
    const stateAt = headBytes + signed.readUInt16BE(1);
    const facts = JSON.parse(signed.toString('utf8', headBytes, stateAt)) as Omit<Continuation, 'state'>;
    return { ...facts, state: Uint8Array.from(signed.subarray(stateAt)) };
  }

  #mac(signed: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(signed).digest();
  }
}
