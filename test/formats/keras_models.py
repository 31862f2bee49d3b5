"""Makes Keras models by specification, in every file that Keras writes, with what Keras computes.

    python keras_models.py SPECS.json FOLDER

SPECS.json is a list of {name, vocabulary, embedding, maskZero, layers: [{kind, units, activation, …}], seed, ids, files}.
For each FOLDER/name/ gets the files and expected.json: {ids, logits}.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers


def layer_of(spec):
    kind, units = spec["kind"], spec["units"]
    if kind == "dense":
        return layers.Dense(units, activation=spec["activation"])
    if kind == "layer-normalization":
        return layers.LayerNormalization()
    if kind == "batch-normalization":
        return layers.BatchNormalization()
    if kind == "dropout":
        return layers.Dropout(0.3)
    common = {"activation": spec["activation"], "use_bias": spec["useBias"]}
    if kind == "simple-rnn":
        return layers.SimpleRNN(units, return_sequences=True, **common)
    common["recurrent_activation"] = spec["recurrentActivation"]
    if kind == "lstm":
        return layers.LSTM(units, return_sequences=True, **common)
    if kind == "lstm-cell":
        return layers.RNN(layers.LSTMCell(units, **common), return_sequences=True)
    if kind == "cells":
        cells = [layers.LSTMCell(units, **common), layers.GRUCell(units, **common)]
        return layers.RNN(cells, return_sequences=True)
    return layers.GRU(units, return_sequences=True, reset_after=spec["resetAfter"], **common)


def build(spec):
    vocabulary, embedding = spec["vocabulary"], spec["embedding"]
    chain = [layer_of(layer) for layer in spec["layers"]] + [layers.Dense(vocabulary)]
    if embedding:
        chain.insert(0, layers.Embedding(vocabulary, embedding, mask_zero=spec.get("maskZero", False)))
    shape = (None,) if embedding else (None, vocabulary)
    if spec.get("functional"):
        given = layers.Input(shape)
        value = given
        for layer in chain:
            value = layer(value)
        model = keras.Model(given, value)
    else:
        model = keras.Sequential([layers.Input(shape), *chain])
    generator = np.random.default_rng(spec["seed"])
    for layer in model.layers:
        weights = layer.get_weights()
        if not weights or any(weight.dtype.kind != "f" for weight in weights):
            continue
        values = [generator.uniform(-1, 1, weight.shape) / max(1, weight.shape[0]) ** 0.5 for weight in weights]
        if isinstance(layer, layers.BatchNormalization):
            values[-1] = generator.uniform(0.5, 1.5, values[-1].shape)
        layer.set_weights(values)
    return model


def compute(model, spec):
    ids = np.array([spec["ids"]])
    given = ids if spec["embedding"] else np.eye(spec["vocabulary"], dtype="float32")[ids]
    return np.asarray(model(given, training=False))[0].astype("float64").tolist()


def write(spec, folder):
    folder.mkdir(parents=True, exist_ok=True)
    model = build(spec)
    if spec.get("lora"):
        for layer in (model.layers[0], model.layers[-1]):
            layer.enable_lora(2)
            generator = np.random.default_rng(9)
            layer.set_weights([generator.uniform(-0.5, 0.5, w.shape) for w in layer.get_weights()])
    if spec.get("quantize"):
        model.quantize(spec["quantize"])
    expected = {"ids": spec["ids"], "logits": compute(model, spec)}
    for file in spec["files"]:
        if file == "model.weights.h5":
            model.save_weights(folder / file)
            (folder / "config.json").write_text(model.to_json())
        else:
            model.save(folder / file)
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    for spec in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        write(spec, pathlib.Path(sys.argv[2]) / spec["name"])
