#!/usr/bin/env bash
# Every check that needs no build. All of them run, so that one call shows all complaints.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()

check() {
  local name=$1
  shift
  echo "lint: $name"
  "$@" </dev/null || failed+=("$name")
}

sources=()
for place in Package.swift Packages Examples Tests Tools Benchmarks; do
  [ -e "$place" ] && sources+=("$place")
done

check "format" swift format lint --strict --parallel --recursive "${sources[@]}"
check "manifests" python3 Scripts/check-manifests.py
check "layers" python3 Scripts/check-layers.py
check "requirements" python3 Scripts/check-requirements.py
check "mutants" python3 Scripts/mutants.py --check

if [ ${#failed[@]} -gt 0 ]; then
  (IFS=,; echo "lint: failed: ${failed[*]}" | sed 's/,/, /g') >&2
  exit 1
fi
echo "lint: passed"
