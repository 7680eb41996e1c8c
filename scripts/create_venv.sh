#!/bin/sh
# Makes the environment: a virtual environment of a Python that is new enough, with the locked uv in it.
#
#   scripts/create_venv.sh [folder]      PYTHON=... chooses the Python
set -eu
cd "$(dirname "$0")/.."
venv=${1:-.venv}
fits='import sys; v = sys.version_info[:2]; sys.exit(not (3, 10) <= v <= (3, 14))'

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
    if "$candidate" -c "$fits" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "no Python from 3.10 to 3.14 was found (looked for ${PYTHON:-python3 and python3.10 to python3.14}):" \
        "install one, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
fi

# Debian keeps this part of Python in a package of its own.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if ! command -v apt-get >/dev/null; then
        echo "$python has no ensurepip, so it cannot make an environment: choose another with PYTHON=" >&2
        exit 1
    fi
    root=
    [ "$(id -u)" = 0 ] || root="sudo -n"
    if ! { $root true 2>/dev/null && $root apt-get -qq update &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes python3-venv >/dev/null; }; then
        echo "python3-venv is missing and may not be installed from here: sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi

"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement requirements/setup.lock
