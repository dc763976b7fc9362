#!/usr/bin/env bash
# Makes the API pages of every module with the toolchain's docc: one site in .build/docs, for any web server.
set -euo pipefail
cd "$(dirname "$0")/.."

docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
[ -x "$docc" ] || docc=$(command -v docc || true)
if [ ! -x "$docc" ]; then
  echo "docs: this Swift toolchain has no docc beside $(readlink -f "$(command -v swift)"); the pages cannot be made" >&2
  exit 1
fi

dumped=$(dirname "$(swift build --show-bin-path)")/symbolgraph
work=.build/docs-work
graphs=$work/symbol-graphs
rm -rf .build/docs "$work" "$dumped"
mkdir -p "$graphs"
echo "docs: building the symbol graphs"
# The command also asks for the module in which XCTest finds its tests. There is none, so it ends with an error, but
# only after the libraries' graphs are written; whether they are is checked below.
swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members >"$graphs/log" 2>&1 || true

modules=$(swift package describe --type json |
  python3 -c 'import json, sys; print(*(p["name"] for p in json.load(sys.stdin)["products"] if "library" in p["type"]))')
for module in $modules; do
  mkdir -p "$graphs/$module"
  cp "$dumped/$module.symbols.json" "$dumped/$module@"*.symbols.json "$graphs/$module/" 2>/dev/null || true
  if [ ! -f "$graphs/$module/$module.symbols.json" ]; then
    grep -E 'error:' "$graphs/log" | head -n 20 >&2
    echo "docs: there is no symbol graph of $module; does \`make build\` pass?" >&2
    exit 1
  fi
  # A module may have a catalogue of articles beside its sources.
  catalogue=Packages/$module/Sources/$module/$module.docc
  arguments=()
  [ -d "$catalogue" ] && arguments=("$catalogue")
  "$docc" convert "${arguments[@]}" --additional-symbol-graph-dir "$graphs/$module" \
    --diagnostic-level error --fallback-display-name "$module" --fallback-bundle-identifier "rampart.$module" \
    --output-dir "$work/$module.doccarchive"
done
"$docc" merge "$work"/*.doccarchive --output-path .build/docs \
  --synthesized-landing-page-name Rampart --synthesized-landing-page-kind Package
rm -rf "$work"
echo "docs: made; to see them: python3 -m http.server --directory .build/docs 8000"
echo "docs: and open http://localhost:8000/documentation/"
