/** Milliseconds on a clock that only goes forward. Node's own, for `performance` costs a new process a millisecond. */
export const now: () => number = /* @__PURE__ */ (() =>
  'process' in globalThis && typeof process.hrtime === 'function'
    ? () => {
        const [seconds, nanoseconds] = process.hrtime();
        return 1e3 * seconds + nanoseconds / 1e6;
      }
    : () => performance.now())();
