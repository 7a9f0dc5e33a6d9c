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
# uv brings certificates of its own, and does not know the one of a company's proxy: it asks the system's, where there
# are any. Older versions call that UV_NATIVE_TLS.
for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -s "$store" ]; then
        export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" UV_NATIVE_TLS="${UV_NATIVE_TLS:-1}"
        break
    fi
done
if [ ! -x "$venv/bin/uv" ]; then
    if command -v uv >/dev/null; then
        ln -s "$(command -v uv)" "$venv/bin/uv"
    else
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
    fi
fi
"$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" --require-hashes requirements.lock
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable .
