#!/usr/bin/env bash
# tensorflowjs 4.22.0 as pip installs it now (November 2026, Python 3.11) does not start: its converter ends in a protobuf error.
#
# Expected: after `pip install tensorflowjs==4.22.0`, `tensorflowjs_converter` runs: pip has met every requirement.
# Seen: every run, `--version` too, ends with VersionError, "gencode 6.31.1 runtime 5.29.6". The converter imports
#   tensorflow_decision_forests 1.12.0 although a Keras model needs none. That takes any ydf; the newest, 0.16.0, has code
#   generated for protobuf 6, while TensorFlow 2.19.0 holds protobuf below 6.
# What to do: `pip install ydf==0.11.0` beside it, whose code fits protobuf 5. Models of Keras 3 are then converted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tensorflowjs==4.22.0 tensorflow==2.19.0 tf-keras==2.19.0 \
  tensorflow-decision-forests==1.12.0 ydf==0.16.0 protobuf==5.29.6 setuptools==80.9.0
export TF_CPP_MIN_LOG_LEVEL=3
converter() { venv/bin/tensorflowjs_converter --version 2>&1 || true; }
before=$(converter | grep -oE 'gencode [0-9]+(\.[0-9]+){2} runtime [0-9]+(\.[0-9]+){2}' || true)
echo "with ydf 0.16.0: ${before:-no protobuf error}"
venv/bin/pip install --quiet --disable-pip-version-check ydf==0.11.0
after=$(converter | grep -o 'tensorflowjs 4.22.0' | head -1 || true)
echo "with ydf 0.11.0: ${after:-no version}"
if [[ $before == 'gencode 6.31.1 runtime 5.29.6' && $after == 'tensorflowjs 4.22.0' ]]; then
  echo 'As found: the newest ydf keeps the converter from starting.'
else
  echo 'CHANGED: look at this finding again.'
  exit 1
fi
