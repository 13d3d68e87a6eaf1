#!/usr/bin/env bash
# Print the path of the first Python that runs here and is new enough.
#
# A name is looked for everywhere on the PATH, and tried: version managers leave stand-ins there that start
# only what was activated. pyenv's can be asked for another version by a variable.
#
# Usage: scripts/find_python.sh NAME...

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
oldest=$(sed -nE 's/^requires-python = ">=3\.([0-9]+)"$/\1/p' pyproject.toml)

for name in "$@"; do
  [[ $name =~ ^python([0-9]+\.[0-9]+)$ ]] && version=${BASH_REMATCH[1]} || version=
  while read -r candidate; do
    for wanted in "${PYENV_VERSION:-}" "$version"; do
      # -I: nothing but the interpreter's own is loaded.
      PYENV_VERSION=$wanted "$candidate" -I -c "import sys
if sys.version_info < (3, $oldest): sys.exit(1)
print(sys.executable)" 2>/dev/null && exit
    done
  done < <(type -ap "$name")
done
exit 1
