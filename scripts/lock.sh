#!/bin/sh
# Writes the lock files from pyproject.toml: every package with its hashes, for every system and Python.
#
#   scripts/lock.sh             keep the locked versions, add and remove what pyproject.toml asks for
#   scripts/lock.sh --upgrade   take the newest versions
#   scripts/lock.sh --check     write nothing; fail when the files do not match pyproject.toml
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
out=requirements
upgrade=
case ${1:-} in
--upgrade) upgrade=--upgrade ;;
--check)
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
    cp requirements/*.lock "$out"
    ;;
esac

resolve() {
    "$uv" pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@" >/dev/null
}

# What uv has in its cache is enough, and instant, where the locked versions stand.
compile() {
    lock=$out/$1.lock
    shift
    if [ -z "$upgrade" ] && resolve --offline --output-file "$lock" "$@" 2>/dev/null; then
        return
    fi
    resolve $upgrade --output-file "$lock" "$@"
}

# dev holds everything; lab is the part of it that `make lab` and Binder need, at the same versions.
compile dev --extra dev pyproject.toml
compile lab --extra lab --constraints "$out/dev.lock" pyproject.toml
compile setup requirements/setup.in

if [ "$out" != requirements ]; then
    for lock in requirements/*.lock; do
        diff -u "$lock" "$out/${lock##*/}" || {
            echo "$lock does not match pyproject.toml: run 'make lock' and commit the result" >&2
            exit 1
        }
    done
fi
