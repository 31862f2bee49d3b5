#!/usr/bin/env bash
# OpenVINO 2026.4.1 (CPU) rounds the inputs of a product to 8 bits although it is asked for float32.
#
# Expected: a MatMul of float32 inputs by weights of 8 bits that are converted to float32 and scaled in the graph, compiled with
#   INFERENCE_PRECISION_HINT f32, gives what float32 arithmetic gives, to some 1e-6: the hint's name says so, and the graph too.
# Seen: results are 1 % off, as inputs are quantised by groups of 32 (DYNAMIC_QUANTIZATION_GROUP_SIZE, 32 unless it is set).
#   Group size 0, or EXECUTION_MODE_HINT ACCURACY, gives 1e-6. Seen on an AMD EPYC with AVX-512 VNNI.
# What to do: when OpenVINO is the judge of another engine's weights of 8 bits, set the group size to 0; when its speed is measured
#   beside engines that keep their inputs in float32, say which of the two it was.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openvino==2026.4.1 numpy==2.4.6
cat >show.py <<'PY'
import sys

import numpy as np
import openvino as ov
from openvino import opset13 as ops

random = np.random.default_rng(1)
weights = random.integers(-127, 128, (64, 512)).astype(np.int8)
x = random.standard_normal((1, 512)).astype(np.float32)
given = ops.parameter([1, 512], np.float32)
scale = ops.constant(np.full((64, 1), 1 / 127, np.float32))
scaled = ops.multiply(ops.convert(ops.constant(weights), 'f32'), scale)
model = ov.Model([ops.result(ops.matmul(given, scaled, False, True))], [given])
exact = x.astype(np.float64) @ (weights.T.astype(np.float64) / 127)


def error(**options):
    result = ov.Core().compile_model(model, 'CPU', options)([x])[0]
    relative = np.abs(result - exact).max() / np.sqrt((exact**2).mean())
    print(f'{options}: largest error {relative:.1e} of the root mean square')
    return relative


hinted = error(INFERENCE_PRECISION_HINT='f32')
ungrouped = error(INFERENCE_PRECISION_HINT='f32', DYNAMIC_QUANTIZATION_GROUP_SIZE='0')
accurate = error(EXECUTION_MODE_HINT='ACCURACY')
as_found = hinted > 1e-3 and ungrouped < 1e-5 and accurate < 1e-5
print('As found: the hint alone leaves inputs in 8 bits.' if as_found else 'CHANGED: look at this finding again.')
sys.exit(0 if as_found else 1)
PY
venv/bin/python show.py
