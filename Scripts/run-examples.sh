#!/usr/bin/env bash
# Runs example programs one after the other and prints where the report is.
# Usage: run-examples.sh quick|full PROGRAM...      (extra options for each program in $OPTIONS)
set -euo pipefail
cd "$(dirname "$0")/.."
profile=$1
shift
results=results
[ "$profile" = quick ] && results=results/quick

for program in "$@"; do
  printf '\n== %s, %s profile\n' "$program" "$profile"
  # shellcheck disable=SC2086  # several options are several words
  ".build/release/$program" --profile "$profile" ${OPTIONS:-}
done

printf '\n'
if [ -f "$results/index.html" ]; then
  echo "Report: $PWD/$results/index.html"
else
  find "$results" -path results/quick -prune -o -name report.html -printf "Report: $PWD/%p\n" | sort
fi
