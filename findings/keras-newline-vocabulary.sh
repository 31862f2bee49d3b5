#!/usr/bin/env bash
# Keras 3.15.1 (TensorFlow 2.21.0) cannot load a .keras file whose vocabulary was adapted to text with newlines.
#
# Expected: a StringLookup, or a TextVectorization that splits characters, is loaded with the vocabulary that it was saved with.
# Seen: it is saved without any warning. vocabulary.txt has one entry a line, so an entry that is itself a newline becomes two
#   empty lines, which are read as two entries: load_model ends with ValueError, "at least one repeated term". Where the newline
#   is the rarest character, and thus the last, the model loads without it: a shorter vocabulary, in which newlines are unknown.
#   A vocabulary that is given to the layer as a list is kept in config.json and survives.
# What to do: give the vocabulary as a list; or read vocabulary.txt oneself, where two empty lines in a row are one newline.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat >show.py <<'PY'
import os, sys

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import keras, tensorflow as tf



def outcome(layer):
    keras.Sequential([keras.layers.Input((None,), dtype='string'), layer]).save('model.keras')
    try:
        loaded = keras.models.load_model('model.keras').layers[-1]
    except ValueError as error:
        return 'repeated term' if 'at least one repeated term' in str(error) else str(error)
    before, after = ([str(entry) for entry in the.get_vocabulary()] for the in (layer, loaded))
    return 'same' if before == after else f'{before} became {after}'


def adapted(text):
    layer = keras.layers.StringLookup()
    layer.adapt(tf.constant(list(text)))
    return layer


seen = {
    'adapted, newline in the midst': outcome(adapted('aaa\n\nb')),
    'adapted, newline last': outcome(adapted('aaabb\n')),
    'given as a list': outcome(keras.layers.StringLookup(vocabulary=['a', '\n', 'b'])),
}
for name, what in seen.items():
    print(f'{name}: {what}')
as_found = list(seen.values()) == [
    'repeated term',
    "['[UNK]', 'a', 'b', '\\n'] became ['[UNK]', 'a', 'b']",
    'same',
]
print('As found: a newline in an adapted vocabulary is not read back.' if as_found else 'CHANGED: look at this finding again.')
sys.exit(0 if as_found else 1)
PY
venv/bin/python show.py 2>/dev/null
