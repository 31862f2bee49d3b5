#!/usr/bin/env bash
# pickleparser 0.2.1 reads negative integers below -2^31 as positive ones.
#
# Expected: the integers that Python's pickle wrote (protocol 2: opcode LONG1, little-endian two's complement).
# Seen: down to -2^31 (opcode BININT) they are right. Below it the bytes are read as an unsigned number: -2^31 - 1 comes back
#   as 1097364144127 (2^40 - 2^31 - 1, the number of five bytes). Nothing is reported.
# What to do: read LONG1 with one's own code. Storage offsets and strides of PyTorch files are such integers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund pickleparser@0.2.1
cat >show.mjs <<'JS'
import { execFileSync } from 'node:child_process';
import { Parser } from 'pickleparser';

const pickled = (expression) =>
  execFileSync('python3', ['-c', `import pickle, sys; sys.stdout.buffer.write(pickle.dumps(${expression}, protocol=2))`]);
const read = {};
for (const expression of ['-1', '-2**31', '-2**31 - 1', '-2**40', '2**40']) {
  read[expression] = new Parser().parse(pickled(expression));
  console.log(expression.padEnd(11), '->', String(read[expression]));
}
const asFound =
  Number(read['-2**31']) === -(2 ** 31) &&
  Number(read['-2**31 - 1']) === 2 ** 40 - 2 ** 31 - 1 &&
  Number(read['-2**40']) === 2 ** 48 - 2 ** 40 &&
  Number(read['2**40']) === 2 ** 40;
console.log(asFound ? 'As found: the sign is lost.' : 'CHANGED: look at this finding again.');
process.exitCode = asFound ? 0 : 1;
JS
node show.mjs
