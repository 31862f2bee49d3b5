/**
 * The one family of errors that Folio throws on purpose. An error carries a stable code, the HTTP status and exit
 * code that follow from it, and details: what was expected, what arrived, where. Anything else that is thrown
 * is a bug and goes to the log alone.
 */
export const errorCodes = {
  invalid_request: { status: 400, exit: 2 },
  invalid_parameter: { status: 400, exit: 2 },
  unknown_character: { status: 400, exit: 2 },
  unauthorized: { status: 401, exit: 2 },
  forbidden: { status: 403, exit: 2 },
  not_found: { status: 404, exit: 3 },
  method_not_allowed: { status: 405, exit: 2 },
  model_not_found: { status: 404, exit: 3 },
  corpus_not_found: { status: 404, exit: 3 },
  conflict: { status: 409, exit: 4 },
  already_exists: { status: 409, exit: 4 },
  too_large: { status: 413, exit: 2 },
  unsupported_media_type: { status: 415, exit: 2 },
  corpus_invalid: { status: 422, exit: 5 },
  corpus_too_small: { status: 422, exit: 5 },
  corpus_changed: { status: 422, exit: 5 },
  limit_exceeded: { status: 422, exit: 2 },
  pattern_impossible: { status: 422, exit: 2 },
  state_mismatch: { status: 422, exit: 2 },
  checkpoint_mismatch: { status: 409, exit: 4 },
  model_damaged: { status: 503, exit: 5 },
  model_invalid: { status: 422, exit: 5 },
  model_unsupported: { status: 422, exit: 5 },
  training_diverged: { status: 422, exit: 6 },
  rejected_by_gate: { status: 422, exit: 7 },
  interrupted: { status: 499, exit: 130 },
  too_many_requests: { status: 429, exit: 8 },
  overloaded: { status: 503, exit: 8 },
  time_limit: { status: 503, exit: 8 },
  unavailable: { status: 503, exit: 9 },
  store_failed: { status: 503, exit: 9 },
  store_unsafe: { status: 503, exit: 9 },
  tensorflow_unavailable: { status: 503, exit: 9 },
} as const satisfies Record<string, { status: number; exit: number }>;

export type ErrorCode = keyof typeof errorCodes;

/** One of a request's faults: which parameter, and a sentence with what was expected and what arrived. */
export interface ValidationError {
  readonly code: ErrorCode;
  readonly where: string;
  readonly message: string;
}

export interface ErrorDetails {
  /** The parameter, file or property at fault: `temperature`, `layers[1].units`. */
  readonly where?: string | undefined;
  readonly expected?: string | undefined;
  /** What arrived, already shortened for display. */
  readonly received?: string | undefined;
  /** In place of the message for clients of the API, where that names a place of the host's. */
  readonly forClients?: string | undefined;
  /** Every fault of a request that has several, the one above included. */
  readonly faults?: readonly ValidationError[] | undefined;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

export class FolioError extends Error {
  override readonly name = 'FolioError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  /** @param message One sentence for a person, without a stack or a path that the person did not give. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }
}

/** What arrived, in words, where it is no value: `a circle`, `3 bytes`. Messages show it without quotes. */
export class Phrase {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value as a message shows it, short whatever it is: of a list the first eight, of a text the first 80 characters. */
export const describeValue = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (value instanceof Phrase) return value.text;
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map((item) => (typeof item === 'object' ? '…' : describeValue(item)));
    return `[${shown.join(', ')}${value.length > 8 ? ', …' : ''}]`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};

/** `where: expected …, received ….`: how every message about a value is worded. */
export const expectedMessage = (where: string, expected: string, received: unknown): string =>
  `${where}: expected ${expected}, received ${describeValue(received)}.`;

/**
 * The error of a value that is not what it has to be.
 *
 * @param where The parameter, file or property: `temperature`, `layers[1].units`.
 * @param expected What would have been right, as a phrase: `a number from 0 to 2`.
 * @param received The value itself; it is shortened for the message.
 */
export const unexpected = (
  code: ErrorCode,
  where: string,
  expected: string,
  received: unknown,
  cause?: unknown,
): FolioError =>
  new FolioError(code, expectedMessage(where, expected, received), {
    where,
    expected,
    received: describeValue(received),
    ...(cause === undefined ? {} : { cause }),
  });

export const isFolioError = (error: unknown): error is FolioError => error instanceof FolioError;
