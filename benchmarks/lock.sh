#!/bin/sh
# Writes benchmarks/requirements.lock from requirements.in: the peers, every package with its hashes. What they
# share with iotlab is at iotlab's versions, so that no tool has a better pyserial or ipykernel.
#
#   benchmarks/lock.sh             keep the locked versions
#   benchmarks/lock.sh --upgrade   take the newest versions
set -eu
cd "$(dirname "$0")/.."
"${UV:-.venv/bin/uv}" pip compile --quiet "$@" --universal --python-version 3.10 --generate-hashes --no-annotate \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
    --constraints requirements/dev.lock --output-file benchmarks/requirements.lock benchmarks/requirements.in \
    >/dev/null
