"""Makes PyTorch models by specification, in every file that PyTorch writes, with what PyTorch computes.

    python torch_models.py SPECS.json FOLDER

SPECS.json is a list of {name, vocabulary, embedding, kind, units, depth, bias, nonlinearity, hidden, norm, seed, ids, files}, with
front (units of an nn.Linear before the recurrent layers) and tied (the last layer has the embedding's weights) where they are wanted.
For each FOLDER/name/ gets the files and expected.json: {ids, logits}. Files: state.pt, old.pt, half.pt, views.pt,
checkpoint.pt, full.pt (a checkpoint with objects of other classes beside the weights), averaged.pt (an AveragedModel's), two.pt (the
weights and other ones), state.safetensors, tied.safetensors (save_model), model.onnx (the current exporter), old.onnx (the one before),
states.onnx and old-states.onnx (with the initial states as inputs), turned.onnx (time first within), quantized.onnx.
"""
import argparse
import collections
import copy
import datetime
import json
import logging
import os
import pathlib
import sys
import warnings

os.environ["OMP_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy
import torch
from torch import nn


class CharacterModel(nn.Module):
    def __init__(self, spec):
        super().__init__()
        vocabulary, embedding, units = spec["vocabulary"], spec["embedding"], spec["units"]
        self.vocabulary = vocabulary
        if embedding:
            self.embedding = nn.Embedding(vocabulary, embedding)
        if spec.get("front"):
            self.front = nn.Linear(embedding or vocabulary, spec["front"])
        common = dict(num_layers=spec["depth"], bias=spec["bias"], batch_first=True)
        if spec["kind"] == "rnn":
            common["nonlinearity"] = spec["nonlinearity"]
        self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[spec["kind"]](spec.get("front") or embedding or vocabulary, units, **common)
        if spec["norm"]:
            self.norm = nn.LayerNorm(units)
        if spec["hidden"]:
            self.hidden = nn.Linear(units, spec["hidden"])
        self.fc = nn.Linear(spec["hidden"] or units, vocabulary)
        if spec.get("tied"):
            self.fc.weight = self.embedding.weight

    def forward(self, ids, *states):
        logits, _ = self.with_states(ids, *states)
        return logits

    def with_states(self, ids, *states):
        if hasattr(self, "embedding"):
            x = self.embedding(ids)
        else:
            x = nn.functional.one_hot(ids, self.vocabulary).float()
        if hasattr(self, "front"):
            x = torch.relu(self.front(x))
        x, states = self.rnn(x, states[0] if len(states) == 1 else states or None)
        if hasattr(self, "norm"):
            x = self.norm(x)
        if hasattr(self, "hidden"):
            x = torch.relu(self.hidden(x))
        return self.fc(x), states


class WithStates(nn.Module):
    """The same model, whose caller keeps the states."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, h, c=None):
        logits, states = self.model.with_states(ids, h) if c is None else self.model.with_states(ids, h, c)
        return (logits, *states) if isinstance(states, tuple) else (logits, states)


class Turned(nn.Module):
    """The same model, which turns its input to have time first."""

    def __init__(self, model):
        super().__init__()
        self.model = copy.deepcopy(model)
        self.model.rnn.batch_first = False

    def forward(self, ids):
        return self.model(ids.t()).transpose(0, 1)


def views(state):
    """The same values as parts of larger storages, with strides of their own."""
    result = {}
    for at, (name, value) in enumerate(state.items()):
        if value.dim() == 2 and at % 2:
            result[name] = value.t().contiguous().t()
        else:
            around = torch.full((value.numel() + 7,), 9.0)
            around[3 : 3 + value.numel()] = value.flatten()
            result[name] = around[3 : 3 + value.numel()].view(value.shape)
    return result


def write(spec, folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(spec["seed"])
    model = CharacterModel(spec).eval()
    ids = torch.tensor([spec["ids"]])
    with torch.no_grad():
        logits = model(ids)[0].double().tolist()
    (folder / "expected.json").write_text(json.dumps({"ids": spec["ids"], "logits": logits}) + "\n")
    state = model.state_dict()
    characters = [chr(97 + i) for i in range(spec["vocabulary"])]
    for file in spec["files"]:
        path = folder / file
        if file == "state.pt":
            torch.save(state, path)
        elif file == "old.pt":
            torch.save(state, path, _use_new_zipfile_serialization=False)
        elif file == "half.pt":
            torch.save({name: value.half() for name, value in state.items()}, path)
        elif file == "views.pt":
            torch.save(views(state), path)
        elif file == "checkpoint.pt":
            optimizer = torch.optim.Adam(model.parameters())
            stoi = {character: i for i, character in enumerate(characters)}
            hyper = {"hidden": spec["units"], "rate": 1e-3, "big": -(2**70)}
            torch.save(dict(epoch=3, model_state_dict=state, optimizer=optimizer.state_dict(), stoi=stoi, hyper=hyper), path)
        elif file == "full.pt":
            hyper = argparse.Namespace(rate=1e-3, out=pathlib.PurePosixPath("runs/1"))
            trained = {"model." + name: value for name, value in state.items()}
            counts = collections.Counter(characters)
            beside = dict(loss=numpy.float32(1.25), random=numpy.random.get_state(), at=datetime.datetime(2026, 1, 1))
            torch.save([dict(hyper_parameters=hyper, state_dict=trained, counts=counts, tokens=tuple(characters), **beside)], path)
        elif file == "averaged.pt":
            torch.save(torch.optim.swa_utils.AveragedModel(model).state_dict(), path)
        elif file == "two.pt":
            other = {name: value + 1 for name, value in state.items()}
            torch.save(dict(model=state, ema=dict(module=other)), path)
        elif file == "whole.pt":
            torch.save(model, path)
        elif file == "state.safetensors":
            from safetensors.torch import save_file

            save_file({name: value.contiguous() for name, value in state.items()}, path)
        elif file == "tied.safetensors":
            from safetensors.torch import save_model

            save_model(model, str(path))
        elif file == "model.onnx":
            shapes = ({1: torch.export.Dim("time")},)
            torch.onnx.export(model, (ids[:, :5],), path, dynamo=True, dynamic_shapes=shapes, verbose=False)
        elif file == "old.onnx":
            axes = {"ids": {1: "time"}}
            options = dict(input_names=["ids"], output_names=["logits"], dynamic_axes=axes)
            torch.onnx.export(model, (ids[:, :5],), path, dynamo=False, **options)
        elif file in ("states.onnx", "old-states.onnx"):
            zeros = [torch.zeros(spec["depth"], 1, spec["units"]) for _ in range(2 if spec["kind"] == "lstm" else 1)]
            names = ["ids", "h", "c"][: 1 + len(zeros)]
            axes = dict(dynamic_axes={"ids": {1: "time"}}, dynamo=False)
            if file == "states.onnx":
                shapes = ({1: torch.export.Dim("time")}, *(None for _ in zeros))
                axes = dict(dynamic_shapes=shapes, dynamo=True, verbose=False)
            torch.onnx.export(WithStates(model).eval(), (ids[:, :5], *zeros), path, input_names=names, **axes)
        elif file == "turned.onnx":
            axes = dict(input_names=["ids"], dynamic_axes={"ids": {1: "time"}}, dynamo=False)
            torch.onnx.export(Turned(model).eval(), (ids[:, :5],), path, **axes)
        elif file == "quantized.onnx":
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(folder / "old.onnx", path)


if __name__ == "__main__":
    for spec in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        write(spec, pathlib.Path(sys.argv[2]) / spec["name"])
