#!/usr/bin/env bash
# Makes the virtual environment $1 with the Python $2 and installs what requirements.lock pins, then Nightbus itself.
# Needs only python3 and the package registry: uv is found or installed into the environment.
set -euo pipefail
venv=$1 python=$2

if [ ! -x "$venv/bin/python" ]; then
    if ! "$python" -m venv "$venv" 2>/dev/null; then
        # Debian splits ensurepip off into python3-venv: make the environment without pip and bring pip's wheel in.
        "$python" -m venv --without-pip "$venv"
        "$python" -m pip --version >/dev/null 2>&1 || {
            echo "neither python3-venv nor pip is installed: install one of them" >&2
            exit 1
        }
        "$python" -m pip --python "$venv/bin/python" install --quiet pip
    fi
fi
if [ ! -x "$venv/bin/uv" ]; then
    if command -v uv >/dev/null; then
        ln -s "$(command -v uv)" "$venv/bin/uv"
    else
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
    fi
fi
"$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" --require-hashes requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable .
