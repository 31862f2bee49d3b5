/** Why a pattern cannot be used. */
export interface PatternFault {
  /** What is no regular expression, or is beyond what an automaton can do; or what is too large. */
  readonly kind: 'syntax' | 'limit';
  /** The end of a sentence that begins with the pattern. */
  readonly message: string;
}

/** Thrown inside this folder alone: `compilePattern` returns the fault. */
export class PatternFaultError extends Error {
  readonly fault: PatternFault;

  constructor(fault: PatternFault) {
    super(fault.message);
    this.fault = fault;
  }
}

export const limitExceeded = (message: string): PatternFaultError =>
  new PatternFaultError({ kind: 'limit', message });
