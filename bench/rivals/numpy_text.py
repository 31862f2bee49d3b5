"""Generates with numpy: one product a layer, of its inputs and its state by both its matrices."""

import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = sys.argv[3]

import numpy as np
from network_files import Weights
from text_process import answer_by_step, folder

weights = Weights(folder)
layers, width = [], 0
table = None
for units in weights.units:
    kernel, recurrent, bias = weights.take(width or weights.vocabulary, 4 * units), weights.take(units, 4 * units), weights.take(4 * units)
    # half of each sigmoid is a tanh: sigmoid(x) = (1 + tanh(x / 2)) / 2
    half = np.repeat(np.float32([0.5, 0.5, 1, 0.5]), units)
    if table is None:
        table, kernel = (kernel + bias) * half, kernel[:0]
    matrix = np.ascontiguousarray((np.concatenate([kernel, recurrent]) * half).T)
    layers.append((matrix, bias * half, np.zeros(width + units, np.float32), np.zeros(units, np.float32), width))
    width = units
dense, dense_bias = np.ascontiguousarray(weights.take(width, weights.vocabulary).T), weights.take(weights.vocabulary)


def logits(character):
    below = None
    for matrix, bias, inputs, c, width in layers:
        if below is not None:
            inputs[:width] = below
        sums = matrix @ inputs
        sums += table[character] if below is None else bias
        i, f, g, o = np.tanh(sums, sums).reshape(4, -1)
        c *= 0.5 + 0.5 * f
        c += (0.5 + 0.5 * i) * g
        below = np.tanh(c)
        below *= 0.5 + 0.5 * o
        inputs[width:] = below
    return dense @ below + dense_bias


def first():
    character = 0
    for _ in range(20):
        yield (row := logits(character))
        character = int(row.argmax())


answer_by_step(lambda character, noise: int((logits(character) + noise).argmax()), list(first()))
