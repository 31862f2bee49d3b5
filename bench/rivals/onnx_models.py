"""Writes the ONNX form of a network, one step of it: FOLDER/network.json and weights.bin -> f32.onnx and int8.onnx.

The graph is what an exporter would give at its best: Gather of a one-hot row, one LSTM node a layer, Gemm.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

folder = Path(sys.argv[1])
shape = json.loads((folder / "network.json").read_text())
values = np.fromfile(folder / "weights.bin", dtype="<f4")
at = 0


def take(*dims):
    global at
    size = int(np.prod(dims))
    part = values[at : at + size].reshape(dims)
    at += size
    return part


def reordered(matrix, units):
    """Gates i f c o (Keras) -> i o f c (ONNX), outputs first."""
    i, f, c, o = np.split(matrix, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1).T[None].astype(np.float32)


vocabulary, layers = shape["vocabulary"], shape["units"]
initializers, nodes, inputs, outputs = [], [], [], []


def constant(name, array):
    initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name


inputs.append(helper.make_tensor_value_info("id", TensorProto.INT64, [1, 1]))
nodes.append(helper.make_node("Gather", [constant("one_hot", np.eye(vocabulary, dtype=np.float32)), "id"], ["x0"]))
width, below = vocabulary, "x0"
for index, units in enumerate(layers):
    w = reordered(take(width, 4 * units), units)
    r = reordered(take(units, 4 * units), units)
    b = np.concatenate([reordered(take(4 * units)[None], units)[:, :, 0], np.zeros((1, 4 * units), np.float32)], axis=1)
    for state in "hc":
        inputs.append(helper.make_tensor_value_info(f"{state}{index}", TensorProto.FLOAT, [1, 1, units]))
        outputs.append(helper.make_tensor_value_info(f"{state}{index}_out", TensorProto.FLOAT, [1, 1, units]))
    nodes.append(
        helper.make_node(
            "LSTM",
            [below, constant(f"W{index}", w), constant(f"R{index}", r), constant(f"B{index}", b), "", f"h{index}", f"c{index}"],
            [f"y{index}", f"h{index}_out", f"c{index}_out"],
            hidden_size=units,
        )
    )
    nodes.append(helper.make_node("Squeeze", [f"y{index}", constant(f"axes{index}", np.array([1], np.int64))], [f"x{index + 1}"]))
    width, below = units, f"x{index + 1}"
last = len(layers) - 1
nodes.append(helper.make_node("Squeeze", [f"h{last}_out", constant("axes", np.array([0], np.int64))], ["top"]))
dense, bias = take(width, vocabulary), take(vocabulary)
nodes.append(helper.make_node("MatMul", ["top", constant("dense", dense.astype(np.float32))], ["product"]))
nodes.append(helper.make_node("Add", ["product", constant("dense_bias", bias.astype(np.float32))], ["logits"]))
outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, vocabulary]))
assert at == values.size, (at, values.size)

graph = helper.make_graph(nodes, "step", inputs, outputs, initializers)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 9
onnx.checker.check_model(model)
onnx.save(model, folder / "f32.onnx")
quantize_dynamic(str(folder / "f32.onnx"), str(folder / "int8.onnx"), weight_type=QuantType.QInt8)
