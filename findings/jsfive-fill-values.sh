#!/usr/bin/env bash
# jsfive 0.4.2 gives `undefined`, or nothing at all, for what an HDF5 dataset leaves to its fill value.
#
# Expected: a dataset of ten numbers whose chunks were not all written has the fill value in their places (HDF5's own library,
#   h5py and h5wasm give 7 here, as the file says).
# Seen: a dataset with one written chunk of three comes back with `undefined` for the other six numbers; one without any written
#   chunk comes back as an array of length 0 although its shape is [10]. Nothing is reported.
# What to do: compare the length with the product of the shape and look for `undefined` before the numbers are used.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check h5py==3.14.0 numpy==2.2.6
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund jsfive@0.4.2 h5wasm@0.10.3
venv/bin/python - <<'PY'
import h5py

with h5py.File('model.h5', 'w') as file:
    file.create_dataset('part', shape=(10,), chunks=(4,), dtype='f4', fillvalue=7)[0:4] = 1
    file.create_dataset('none', shape=(10,), chunks=(4,), dtype='f4', fillvalue=7)
with h5py.File('model.h5') as file:
    print('h5py  ', file['part'][:].tolist(), file['none'][:].tolist())
PY
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import h5wasm from 'h5wasm/node';
import { File } from 'jsfive';

await h5wasm.ready;
const values = (file) => ['part', 'none'].map((name) => [...file.get(name).value]);
const bytes = readFileSync('model.h5');
const expected = values(new h5wasm.File('model.h5', 'r'));
const seen = values(new File(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), 'model.h5'));
console.log('h5wasm', ...expected);
console.log('jsfive', ...seen);
const [part, none] = seen;
const asFound =
  expected[0].join() === '1,1,1,1,7,7,7,7,7,7' &&
  part.length === 10 &&
  part.slice(4).every((value) => value === undefined) &&
  none.length === 0;
console.log(asFound ? 'As found: the fill value is not read.' : 'CHANGED: look at this finding again.');
process.exitCode = asFound ? 0 : 1;
JS
node show.mjs
