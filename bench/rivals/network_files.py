"""The files of a network that network-files.ts writes."""

import json
from pathlib import Path

import numpy as np


class Weights:
    """The arrays of weights.bin, one after another."""

    def __init__(self, folder):
        self.folder = Path(folder)
        shape = json.loads((self.folder / "network.json").read_text())
        self.vocabulary, self.units = shape["vocabulary"], shape["units"]
        self.values = np.fromfile(self.folder / "weights.bin", dtype="<f4")

    def take(self, *dims):
        size = int(np.prod(dims))
        part, self.values = self.values[:size].reshape(dims), self.values[size:]
        assert part.size == size, (part.size, dims)
        return part
