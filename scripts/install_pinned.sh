#!/usr/bin/env bash
# Install a file of requirements/ into an environment, and check that the set is whole.
#
# Every version and hash is written down, so nothing is resolved: a resolver looks at newer releases, too, and
# pip's refuses them for want of a hash. Nothing is built either: a build would fetch tools that nobody pinned.
#
# Usage: scripts/install_pinned.sh PYTHON FILE

set -euo pipefail

python=$1 file=$2

# -P: no module is taken from the working folder.
"$python" -P -m pip install --quiet --disable-pip-version-check \
  --no-deps --require-hashes --only-binary :all: --requirement "$file"
found=$("$python" -P -m pip check --disable-pip-version-check) || {
  printf '%s\n%s\n' "$found" "$file is not whole: write it anew with 'make requirements'." >&2
  exit 1
}
