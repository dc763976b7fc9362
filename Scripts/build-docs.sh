#!/usr/bin/env bash
# Makes the API pages of every module with the toolchain's docc: one archive a module in .build/docs, which any
# web server can show.
set -euo pipefail
cd "$(dirname "$0")/.."

docc=$(dirname "$(readlink -f "$(command -v swift)")")/docc
if [ ! -x "$docc" ]; then
  echo "docs: this Swift toolchain has no docc beside $(readlink -f "$(command -v swift)"); the pages cannot be made" >&2
  exit 1
fi

graphs=.build/docs/symbol-graphs
rm -rf .build/docs
mkdir -p "$graphs"
echo "docs: building the symbol graphs"
dumped=$(swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members |
  sed -n 's/^Files written to //p')

modules=$(swift package describe --type json |
  python3 -c 'import json, sys; print(*(p["name"] for p in json.load(sys.stdin)["products"] if "library" in p["type"]))')
for module in $modules; do
  mkdir -p "$graphs/$module"
  cp "$dumped/$module.symbols.json" "$dumped/$module@"*.symbols.json "$graphs/$module/" 2>/dev/null || true
  [ -f "$graphs/$module/$module.symbols.json" ] || { echo "docs: no symbol graph of $module" >&2; exit 1; }
  # A module may have a catalogue of articles beside its sources.
  catalogue=Packages/$module/Sources/$module/$module.docc
  arguments=()
  [ -d "$catalogue" ] && arguments=("$catalogue")
  "$docc" convert "${arguments[@]}" --additional-symbol-graph-dir "$graphs/$module" \
    --fallback-display-name "$module" --fallback-bundle-identifier "rampart.$module" \
    --output-dir ".build/docs/$module.doccarchive"
done
rm -rf "$graphs"
echo "docs: see them with: python3 -m http.server --directory .build/docs/TensorCore.doccarchive 8000"
echo "docs: then open http://localhost:8000/documentation/tensorcore"
