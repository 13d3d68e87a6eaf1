#!/usr/bin/env bash
# Type-check the library, the command, the tests and the scripts with mypy.
#
# mypy takes module names from folders, and cli/ ships as provenance.cli. So mypy is shown a tree of
# links in which cli/ lies where it ships. The tree is made anew each time: a new file needs no new install.
#
# Usage: scripts/typecheck.sh [MYPY]

set -euo pipefail

mypy=${1:-mypy}
[[ $mypy != */* ]] || mypy=$(cd "$(dirname "$mypy")" && pwd)/$(basename "$mypy")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tree=$root/build/typing

rm -rf "$tree"
mkdir -p "$tree/provenance"
ln -s "$root"/provenance/* "$tree/provenance/"
ln -s "$root/cli" "$tree/provenance/cli"

checked=(provenance)
for folder in tests scripts benchmarks; do
  if [[ -n $(find "$root/$folder" -name '*.py' -print -quit 2>/dev/null) ]]; then
    ln -s "$root/$folder" "$tree/$folder"
    checked+=("$folder")
  fi
done

cd "$tree"
exec "$mypy" --config-file "$root/pyproject.toml" --cache-dir "$root/.mypy_cache" "${checked[@]}"
