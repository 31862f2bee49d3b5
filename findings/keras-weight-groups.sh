#!/usr/bin/env bash
# Keras 3.15.1 names the groups of weights in a .keras file by the layers' classes, not by the layers' names.
#
# Expected: two Dense layers named `encoder` and `decoder` have their weights under those names, as in an HDF5 file of Keras 2.
# Seen: in model.weights.h5 they are `layers/dense` and `layers/dense_1`: the class's name in snake case with a counter, in
#   the order of the layers. No attribute of the groups has the layers' names; those are in config.json alone.
# What to do: count the classes in the order of config.json's layers to find a layer's group.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 jax==0.6.2 jaxlib==0.6.2 h5py==3.14.0 numpy==2.2.6
cat >show.py <<'PY'
import io, os, sys, zipfile

os.environ['KERAS_BACKEND'] = 'jax'
import h5py, keras

keras.Sequential([
    keras.layers.Input((4,)),
    keras.layers.Dense(3, name='encoder'),
    keras.layers.Dense(2, name='decoder'),
]).save('model.keras')
archive = zipfile.ZipFile('model.keras')
layers = h5py.File(io.BytesIO(archive.read('model.weights.h5')))['layers']
groups = {name: (group['vars/0'].shape, dict(group.attrs)) for name, group in layers.items()}
for name, (shape, attributes) in groups.items():
    print(f'layers/{name}: kernel {shape}, attributes {attributes}')
as_found = groups == {'dense': ((4, 3), {}), 'dense_1': ((3, 2), {})}
print('As found: groups are class names with counters.' if as_found else 'CHANGED: look at this finding again.')
sys.exit(0 if as_found else 1)
PY
venv/bin/python show.py
