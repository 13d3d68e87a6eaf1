#!/usr/bin/env bash
# Run a tool where cli/ lies as it ships, as provenance.cli.
#
# mypy and import-linter take module names from folders. So they are shown a tree of links, which is made anew each
# time: a new file needs no new install.
#
# Usage: scripts/as_shipped.sh NAME COMMAND...     in build/NAME; paths of the command's tools are made absolute

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tree=$root/build/$1
tool=$2
shift 2
[[ $tool != */* ]] || tool=$(cd "$(dirname "$tool")" && pwd)/$(basename "$tool")

rm -rf "$tree"
mkdir -p "$tree/provenance"
ln -s "$root"/provenance/* "$tree/provenance/"
ln -s "$root/cli" "$tree/provenance/cli"
for folder in tests scripts benchmarks; do
  ln -s "$root/$folder" "$tree/$folder"
done

cd "$tree"
exec "$tool" "$@"
