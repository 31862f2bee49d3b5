"""Makes PyTorch models by specification, in every file that PyTorch writes, with what PyTorch computes.

    python torch_models.py SPECS.json FOLDER

SPECS.json is a list of {name, vocabulary, embedding, kind, units, depth, bias, nonlinearity, hidden, norm, seed, ids, files}.
For each FOLDER/name/ gets the files and expected.json: {ids, logits}. Files: state.pt, old.pt, half.pt, views.pt,
checkpoint.pt, full.pt (a checkpoint with objects of other classes beside the weights), state.safetensors, model.onnx (the current exporter), old.onnx (the one before), quantized.onnx.
"""
import argparse
import collections
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
        common = dict(num_layers=spec["depth"], bias=spec["bias"], batch_first=True)
        if spec["kind"] == "rnn":
            common["nonlinearity"] = spec["nonlinearity"]
        self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[spec["kind"]](embedding or vocabulary, units, **common)
        if spec["norm"]:
            self.norm = nn.LayerNorm(units)
        if spec["hidden"]:
            self.hidden = nn.Linear(units, spec["hidden"])
        self.fc = nn.Linear(spec["hidden"] or units, vocabulary)

    def forward(self, ids):
        if hasattr(self, "embedding"):
            x = self.embedding(ids)
        else:
            x = nn.functional.one_hot(ids, self.vocabulary).float()
        x, _ = self.rnn(x)
        if hasattr(self, "norm"):
            x = self.norm(x)
        if hasattr(self, "hidden"):
            x = torch.relu(self.hidden(x))
        return self.fc(x)


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
        elif file == "whole.pt":
            torch.save(model, path)
        elif file == "state.safetensors":
            from safetensors.torch import save_file

            save_file({name: value.contiguous() for name, value in state.items()}, path)
        elif file == "model.onnx":
            shapes = ({1: torch.export.Dim("time")},)
            torch.onnx.export(model, (ids[:, :5],), path, dynamo=True, dynamic_shapes=shapes, verbose=False)
        elif file == "old.onnx":
            axes = {"ids": {1: "time"}}
            options = dict(input_names=["ids"], output_names=["logits"], dynamic_axes=axes)
            torch.onnx.export(model, (ids[:, :5],), path, dynamo=False, **options)
        elif file == "quantized.onnx":
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(folder / "old.onnx", path)


if __name__ == "__main__":
    for spec in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        write(spec, pathlib.Path(sys.argv[2]) / spec["name"])
