#!/usr/bin/env bash
# Make an environment with the newest releases that pyproject.toml allows, from the index as it is now, and tell
# which differ from the pinned ones.
#
# Usage: scripts/install_newest.sh PYTHON FOLDER

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$2/bin/python

extras=$("$1" -I -c 'import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"], sep=",")')

echo "Setting up $2 with the newest releases that pyproject.toml allows ..."
"$1" -m venv --clear "$2"
"$python" -P -m pip install --quiet --upgrade pip
"$python" -P -m pip install --quiet --editable ".[$extras]" --group dev
"$python" -P -m pip check

# Names are written in several ways.
listed() { tr '[:upper:]_' '[:lower:]-' | sed -nE 's/^([a-z0-9.-]+==[^ ;\\]+).*/\1/p' | LC_ALL=C sort -u; }
"$python" -P -m pip list --format freeze --exclude-editable --exclude pip | listed >"$2/versions.txt"
echo 'Not as pinned in requirements/:'
cat requirements/*.txt | listed | LC_ALL=C comm -23 "$2/versions.txt" - | sed 's/^/  /'
