"""Writes the ONNX form of a network: FOLDER/network.json and weights.bin -> f32.onnx, int8.onnx (a scale a matrix),
int8-channel.onnx (a scale an output), and f32-loop.onnx and int8-loop.onnx.

The first three are one step: what an exporter would give at its best, Gather of a one-hot row, one LSTM node a layer,
Gemm. In the others a Loop takes LOOP such steps in one call, each fed with the character that the one before sampled, as noise makes the likeliest one:
onnxruntime's fastest way, since each call costs it some microseconds.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from network_files import Weights

weights = Weights(sys.argv[1])
folder, vocabulary, take = weights.folder, weights.vocabulary, weights.take

def reordered(matrix, units):
    """Gates i f c o (Keras) -> i o f c (ONNX), outputs first."""
    i, f, c, o = np.split(matrix, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1).T[None].astype(np.float32)


initializers, nodes, inputs, outputs = [], [], [], []


def constant(name, array):
    initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name


inputs.append(helper.make_tensor_value_info("id", TensorProto.INT64, [1, 1]))
nodes.append(helper.make_node("Gather", [constant("one_hot", np.eye(vocabulary, dtype=np.float32)), "id"], ["x0"]))
width, below = vocabulary, "x0"
for index, units in enumerate(weights.units):
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
last = len(weights.units) - 1
nodes.append(helper.make_node("Squeeze", [f"h{last}_out", constant("axes", np.array([0], np.int64))], ["top"]))
dense, bias = take(width, vocabulary), take(vocabulary)
nodes.append(helper.make_node("MatMul", ["top", constant("dense", dense.astype(np.float32))], ["product"]))
nodes.append(helper.make_node("Add", ["product", constant("dense_bias", bias.astype(np.float32))], ["logits"]))
outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, vocabulary]))

graph = helper.make_graph(nodes, "step", inputs, outputs, initializers)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 9
onnx.checker.check_model(model)
onnx.save(model, folder / "f32.onnx")
quantize_dynamic(str(folder / "f32.onnx"), str(folder / "int8.onnx"), weight_type=QuantType.QInt8)
quantize_dynamic(
    str(folder / "f32.onnx"), str(folder / "int8-channel.onnx"), weight_type=QuantType.QInt8, per_channel=True
)

LOOP = 256


def looped(source, target):
    """Wraps a model of one step in a Loop. Its weights stay inside the body, where the runtime finds them constant."""
    step = onnx.load(folder / source)
    body = step.graph
    body.name = "character"
    carried = [value for value in body.input]
    body.node.append(helper.make_node("Gather", ["noise", "turn"], ["added"]))
    body.node.append(helper.make_node("Add", ["logits", "added"], ["noisy"]))
    body.node.append(helper.make_node("ArgMax", ["noisy"], ["id_out"], axis=1, keepdims=1))
    body.node.append(helper.make_node("Identity", ["going"], ["going_out"]))
    body.node.append(helper.make_node("Identity", ["id_out"], ["character"]))
    outputs = {value.name: value for value in body.output}
    del body.input[:]
    del body.output[:]
    body.input.extend([
        helper.make_tensor_value_info("turn", TensorProto.INT64, []),
        helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        *carried,
    ])
    body.output.extend([
        helper.make_tensor_value_info("going_out", TensorProto.BOOL, []),
        *[
            helper.make_tensor_value_info("id_out", TensorProto.INT64, [1, 1])
            if value.name == "id"
            else outputs[f"{value.name}_out"]
            for value in carried
        ],
        helper.make_tensor_value_info("character", TensorProto.INT64, [1, 1]),
    ])
    loop = helper.make_node(
        "Loop",
        ["turns", "", *[f"{value.name}_first" for value in carried]],
        [*[f"{value.name}_last" for value in carried], "characters"],
        body=body,
    )

    def renamed(value, suffix):
        copy = onnx.ValueInfoProto()
        copy.CopyFrom(value)
        copy.name += suffix
        return copy

    graph = helper.make_graph(
        [loop],
        "text",
        [
            *[renamed(value, "_first") for value in carried],
            helper.make_tensor_value_info("noise", TensorProto.FLOAT, [LOOP, 1, vocabulary]),
        ],
        [
            *[renamed(value, "_last") for value in carried],
            helper.make_tensor_value_info("characters", TensorProto.INT64, [LOOP, 1, 1]),
        ],
        [numpy_helper.from_array(np.array(LOOP, np.int64), "turns")],
    )
    model = helper.make_model(graph, opset_imports=step.opset_import)
    model.ir_version = step.ir_version
    onnx.save(model, folder / target)


looped("f32.onnx", "f32-loop.onnx")
looped("int8-channel.onnx", "int8-loop.onnx")
