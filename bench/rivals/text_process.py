"""What the engines of Python share: the arguments and answers that text-process.ts describes."""

import json
import sys
import time

import numpy as np

folder, precision, threads, temperature, vocabulary, *units = sys.argv[1:]
threads, temperature, vocabulary, units = int(threads), float(temperature), int(vocabulary), list(map(int, units))
NOISE = 256  # characters that noise is drawn for at once
random = np.random.default_rng(1)


def noise():
    """Of NOISE characters. The likeliest after adding it is a sample at the temperature (Gumbel 1954)."""
    return (temperature * random.gumbel(size=(NOISE, vocabulary))).astype(np.float32)


def answer(logits, text):
    """`logits` is [20, vocabulary]; `text` makes characters and says how many."""
    text()
    print(json.dumps(np.asarray(logits).tolist()), flush=True)
    for line in sys.stdin:
        seconds, made, start = float(line) / 1000, 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            made += text()
        print(made / elapsed, flush=True)


def answer_by_step(step, first):
    """`step` takes a character and its row of noise, and gives the next one; `first` is [20, vocabulary]."""
    character, rows, at = 0, noise(), 0

    def text():
        nonlocal character, rows, at
        if at == NOISE:
            rows, at = noise(), 0
        for row in rows[at : at + 16]:
            character = step(character, row)
        at += 16
        return 16

    answer(first, text)
