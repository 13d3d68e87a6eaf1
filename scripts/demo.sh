#!/usr/bin/env bash
# Judge the sample images under the sample trust profile, and hold the verdicts against sample_images/index.toml.
#
# Then audit them as a folder; then generate an image from a simulated Azure resource on this machine, verify it
# and save it.
#
# Leaves in build/demo: verdicts.txt, reports.jsonl, under reports/ one JSON report per image, audit.html and
# audit.csv, and under generated/ the image with its report.
#
# Usage: scripts/demo.sh [PROVENANCE]

set -euo pipefail

provenance=${1:-provenance}
[[ $provenance != */* ]] || provenance=$(cd "$(dirname "$provenance")" && pwd)/$(basename "$provenance")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=build/demo

# Rejected images are expected, so 1 is no failure; 2 and 3 are.
judge() {
  "$provenance" verify --trust-profile sample_images/trust.toml "$@" || [[ $? -eq 1 ]]
}

expected=$(awk -F ' = ' '
  /^path/ { gsub(/"/, "", $2); path = $2 }
  /^state/ { gsub(/"/, "", $2); state = $2 }
  /^accepted/ { print path, state, (/"azure-openai" = true/ ? "true" : "false") }
' sample_images/index.toml)
images=()
while read -r path _; do images+=("sample_images/$path"); done <<<"$expected"

rm -rf "$out"
mkdir -p "$out"
judge --format text --output "$out/verdicts.txt" "${images[@]}"
judge --format jsonl --output "$out/reports.jsonl" "${images[@]}"

for example in trusted/imagegen-v2.png trusted/designer-v1.png valid/impostor-v1.png invalid/changed-pixels-v1.png; do
  judge "sample_images/$example"
done

good=0
while read -r path state accepted && read -r report <&3; do
  mkdir -p "$out/reports/$(dirname "$path")"
  printf '%s\n' "$report" >"$out/reports/$path.json"
  found=$(sed -nE 's/.*"state": "([a-z]+)", "accepted": (true|false), "policy".*/\1 \2/p' <<<"$report")
  note="  <- expected $state, accepted: $accepted"
  [[ $found != "$state $accepted" ]] || { note=; good=$((good + 1)); }
  verdict=rejected
  [[ $found != *true ]] || verdict=accepted
  printf '%-8s  %-8s  %s%s\n' "${found%% *}" "$verdict" "$path" "$note"
done <<<"$expected" 3<"$out/reports.jsonl"

printf '\n%d of %d verdicts as expected; verdicts and reports are in %s\n' "$good" "${#images[@]}" "$out"
[[ $good -eq ${#images[@]} ]] || exit 1

printf '\nThe same images as a folder; the page for people is %s/audit.html:\n\n' "$out"
"$provenance" audit --trust-profile sample_images/trust.toml --fail-on none \
  --output "$out/audit.html" --output "$out/audit.csv" sample_images

printf '\nGenerating, verifying and saving an image, with Azure simulated on this machine:\n\n'
"$provenance" simulate --port 0 --api-key demo --trust-out "$out/simulated.toml" >"$out/endpoint.txt" &
simulator=$!
trap 'kill "$simulator" 2>/dev/null || true' EXIT
for _ in {1..300}; do
  [[ ! -s $out/endpoint.txt ]] || break
  sleep 0.1
done
AZURE_OPENAI_ENDPOINT=$(cat "$out/endpoint.txt") AZURE_OPENAI_API_KEY=demo "$provenance" generate \
  "a lighthouse at dusk" --deployment gpt-image-1 --model gpt-image-1 \
  --trust-profile "$out/simulated.toml" --out "$out/generated"
