#!/usr/bin/env bash
# esbuild 0.28.2 loses the `this` of arrow functions in class fields where it writes arrow functions as function expressions.
#
# Expected: with `supported: { arrow: false }` a program does what it did. In methods and constructors esbuild puts
#   `var _this = this` around such a function.
# Seen: in a class field it writes `_this` and declares it nowhere, without a warning; the call ends with a ReferenceError.
# What to do: assign such functions in the constructor. Those that are left are found by esbuild itself: `transform` of what it wrote
#   with `define: { _this: ... }` replaces names that nothing declares, and no others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund esbuild@0.28.2
cat >show.mjs <<'EOF'
import { transform, version } from 'esbuild';

const source = `
class Counter {
  start = 40;
  inField = () => this.start + 1;
  inMethod() { return [1].map((step) => this.start + step)[0]; }
  constructor() { this.inConstructor = () => this.start + 1; }
}
export const counter = new Counter();
`;
const { code, warnings } = await transform(source, { supported: { arrow: false } });
const { counter } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
const call = (name) => {
  try {
    return String(counter[name]());
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const seen = ['inMethod', 'inConstructor', 'inField'].map((name) => [name, call(name)]);
console.log(`esbuild ${version}, ${warnings.length} warnings`);
for (const [name, result] of seen) console.log(`${name}: ${result}`);
const expected = ['41', '41', 'ReferenceError: _this is not defined'];
process.exitCode = seen.every(([, result], i) => result === expected[i]) ? 0 : 1;
EOF
node show.mjs
