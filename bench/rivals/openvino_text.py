"""Generates with OpenVINO: openvino_text.py FOLDER PRECISION, of a folder with network.json and weights.bin (onnx.ts).
Answers as onnx_loop.py does. One thread.

The step is written in OpenVINO's own operations, with its state inside the model and the likeliest character chosen
there: a row of the first layer's table, MatMul, gates. In int8 the weights are 8 bits with a scale an output, which
OpenVINO multiplies by inputs that it quantises itself. Its own LSTM operation is slower in both precisions.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

folder, precision = Path(sys.argv[1]), sys.argv[2]
shape = json.loads((folder / "network.json").read_text())
values = np.fromfile(folder / "weights.bin", dtype="<f4")
at = 0


def take(*dims):
    global at
    size = int(np.prod(dims))
    part = values[at : at + size].reshape(dims)
    at += size
    return part


def product(x, matrix):
    """x [1, inputs] by a matrix [inputs, outputs]."""
    weights = np.ascontiguousarray(matrix.T)
    if precision == "f32":
        return ops.matmul(x, ops.constant(weights), False, True)
    scale = np.abs(weights).max(axis=1, keepdims=True) / 127
    whole = np.rint(weights / scale).astype(np.int8)
    decompressed = ops.multiply(ops.convert(ops.constant(whole), "f32"), ops.constant(scale.astype(np.float32)))
    return ops.matmul(x, decompressed, False, True)


sinks = []


def state(name, units):
    return ops.read_value(ops.constant(np.zeros((1, units), np.float32)), name, np.float32, [1, units])


vocabulary, layers = shape["vocabulary"], shape["units"]
character = ops.parameter([1], np.int32, name="id")
axis, width, below = ops.constant(np.int32(1)), vocabulary, None
for index, units in enumerate(layers):
    kernel, recurrent, bias = take(width, 4 * units), take(units, 4 * units), take(4 * units)
    h, c = state(f"h{index}", units), state(f"c{index}", units)
    if below is None:
        sums = ops.gather(ops.constant(kernel + bias), character, ops.constant(np.int32(0)))
    else:
        sums = ops.add(product(below, kernel), ops.constant(bias))
    i, f, g, o = ops.split(ops.add(sums, product(h, recurrent)), axis, 4).outputs()
    kept = ops.multiply(ops.sigmoid(f), c)
    after = ops.add(kept, ops.multiply(ops.sigmoid(i), ops.tanh(g)))
    below = ops.multiply(ops.sigmoid(o), ops.tanh(after))
    sinks += [ops.assign(below, f"h{index}"), ops.assign(after, f"c{index}")]
    width = units
dense, bias = take(width, vocabulary), take(vocabulary)
assert at == values.size, (at, values.size)
logits = ops.add(product(below, dense), ops.constant(bias))
chosen = ops.topk(logits, ops.constant(np.int32(1)), 1, "max", "none", "i32").output(1)
model = ov.Model([ops.result(ops.reshape(chosen, ops.constant(np.array([1], np.int32)), False))], sinks, [character])

compiled = ov.Core().compile_model(
    model,
    "CPU",
    {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"},
)
request = compiled.create_infer_request()
fed = ov.Tensor(np.zeros(1, np.int32), shared_memory=True)
request.set_input_tensor(fed)
made_character = request.get_output_tensor()


def step():
    request.infer()
    fed.data[0] = made_character.data[0]
    return int(fed.data[0])


print(*[step() for _ in range(20)], flush=True)
for line in sys.stdin:
    seconds, made, start = float(line) / 1000, 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for _ in range(16):
            step()
        made += 16
    print(made / elapsed, flush=True)
