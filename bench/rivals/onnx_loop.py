"""Generates with a model whose graph loops: onnx_loop.py MODEL UNITS... For each line of input it makes texts until so
many milliseconds have passed, and prints the characters a second. One thread."""

import sys
import time

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
names = [value.name for value in session.get_inputs()]
feeds = {"id_first": np.zeros((1, 1), np.int64)}
for index, units in enumerate(map(int, sys.argv[2:])):
    for state in "hc":
        feeds[f"{state}{index}_first"] = np.zeros((1, 1, units), np.float32)


def text():
    *carried, characters = session.run(None, feeds)
    feeds.update(zip(names, carried))
    return characters.ravel()


print(*text()[:20], flush=True)
for line in sys.stdin:
    seconds, made, start = float(line) / 1000, 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        made += len(text())
    print(made / elapsed, flush=True)
