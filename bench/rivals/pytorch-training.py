"""PyTorch's nn.LSTM as it is usually trained: one JSON case a line in, characters a second out."""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional


class Network(nn.Module):
    def __init__(self, vocabulary, units, layers):
        super().__init__()
        self.lstm = nn.LSTM(vocabulary, units, layers)
        self.characters = nn.Linear(units, vocabulary)

    def forward(self, inputs, state):
        outputs, state = self.lstm(inputs, state)
        return self.characters(outputs), state


def prepare(vocabulary, units, layers, batch, length, precision):
    network = Network(vocabulary, units, layers)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    ids = torch.randint(0, vocabulary, (length + 1, batch))
    inputs = functional.one_hot(ids[:-1], vocabulary).float()
    targets = ids[1:].reshape(-1)
    state = [torch.zeros(layers, batch, units), torch.zeros(layers, batch, units)]

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            outputs, after = network(inputs, state)
        loss = functional.cross_entropy(outputs.float().reshape(-1, vocabulary), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        state[:] = [value.detach().float() for value in after]
        return loss.item()

    step()
    return step


prepared = {}
for line in sys.stdin:
    case = json.loads(line)
    steps = case.pop("steps")
    key = json.dumps(case)
    if key not in prepared:
        prepared[key] = prepare(**case)
    start = time.perf_counter()
    for _ in range(steps):
        loss = prepared[key]()
    seconds = time.perf_counter() - start
    assert loss == loss
    print(steps * case["batch"] * case["length"] / seconds, flush=True)
