#!/usr/bin/env bash
# Installs those Debian packages of packages.txt that are missing; does nothing when all are there.
set -euo pipefail
list=$(dirname "$0")/packages.txt
mapfile -t packages < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$list")

if ! command -v dpkg >/dev/null; then
  echo "setup: no dpkg here, so nothing was checked. This system's counterparts of these packages are needed:"
  printf '  %s\n' "${packages[@]}"
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" 2>/dev/null | grep -q '^Status: .* ok installed$' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#packages[@]} system packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: missing: ${missing[*]}; install them as root (there is no sudo here), then run make again" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
# Another installer may hold the lock on a machine that has just started: wait for it.
options=(-qq -o DPkg::Lock::Timeout=300)
"${as_root[@]}" apt-get "${options[@]}" update </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null
echo "setup: done"
