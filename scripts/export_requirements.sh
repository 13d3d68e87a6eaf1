#!/usr/bin/env bash
# Write requirements/*.txt from pyproject.toml: exact versions with the hashes of every file, for every
# supported Python and system, and without the name of any package index.
#
# Existing pins stay unless they no longer fit; UPGRADE=1 takes the newest that fit.
#
# Usage: scripts/export_requirements.sh [UV]

set -euo pipefail

uv=${1:-uv}
[[ $uv != */* ]] || uv=$(cd "$(dirname "$uv")" && pwd)/$(basename "$uv")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compile() {
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-header --no-emit-index-url --no-emit-find-links \
    ${UPGRADE:+--upgrade} "$@" >/dev/null
}

compile pyproject.toml --output-file requirements/base.txt
compile pyproject.toml --group dev --constraint requirements/base.txt --output-file requirements/dev.txt

# For deployments; what they share with development is what was tested.
deployment() {
  local file=$1 extra extras=()
  shift
  for extra in "$@"; do extras+=(--extra "$extra"); done
  compile pyproject.toml "${extras[@]}" --constraint requirements/dev.txt --output-file "requirements/$file.txt"
}
deployment audit audit
deployment entra entra
deployment service service postgresql tracing
deployment simulator simulator

compile --group pip --output-file requirements/pip.txt
compile --group lock --output-file requirements/lock.txt
