"""Generates with OpenVINO.

The step is written in OpenVINO's own operations, with its state inside the model and the character sampled there: a row
of the first layer's table, MatMul, gates. In int8 the weights are 8 bits with a scale an output, which OpenVINO
multiplies by inputs that it quantises itself. Its own LSTM operation is slower in both precisions.
"""

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from network_files import Weights
from text_process import answer_by_step, folder, precision, threads

weights = Weights(folder)


def product(x, matrix):
    """x [1, inputs] by a matrix [inputs, outputs]."""
    rows = np.ascontiguousarray(matrix.T)
    if precision == "f32":
        return ops.matmul(x, ops.constant(rows), False, True)
    scale = np.abs(rows).max(axis=1, keepdims=True) / 127
    whole = np.rint(rows / scale).astype(np.int8)
    decompressed = ops.multiply(ops.convert(ops.constant(whole), "f32"), ops.constant(scale.astype(np.float32)))
    return ops.matmul(x, decompressed, False, True)


sinks = []


def state(name, units):
    return ops.read_value(ops.constant(np.zeros((1, units), np.float32)), name, np.float32, [1, units])


vocabulary = weights.vocabulary
noise = ops.parameter([1, vocabulary], np.float32, name="noise")
character = ops.parameter([1], np.int32, name="id")
axis, width, below = ops.constant(np.int32(1)), vocabulary, None
for index, units in enumerate(weights.units):
    kernel, recurrent, bias = weights.take(width, 4 * units), weights.take(units, 4 * units), weights.take(4 * units)
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
dense, bias = weights.take(width, vocabulary), weights.take(vocabulary)
logits = ops.add(product(below, dense), ops.constant(bias))
chosen = ops.topk(ops.add(logits, noise), ops.constant(np.int32(1)), 1, "max", "none", "i32").output(1)
chosen = ops.reshape(chosen, ops.constant(np.array([1], np.int32)), False)
model = ov.Model([ops.result(chosen), ops.result(logits)], sinks, [character, noise])

compiled = ov.Core().compile_model(
    model,
    "CPU",
    {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"},
)
request = compiled.create_infer_request()
fed, added = ov.Tensor(np.zeros(1, np.int32)), ov.Tensor(np.zeros((1, vocabulary), np.float32))
request.set_input_tensor(0, fed)
request.set_input_tensor(1, added)
made, row = request.get_output_tensor(0).data, request.get_output_tensor(1).data
fed, added = fed.data, added.data


def step(character, noise):
    fed[0] = character
    added[0] = noise
    request.infer()
    return made[0]


def first():
    character = 0
    for _ in range(20):
        character = step(character, 0)
        yield row[0].copy()


answer_by_step(step, list(first()))
