#!/usr/bin/env bash
# Builds and runs Tests/OutsideUser: a package that uses Rampart's products from outside and adds parts of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build --package-path Tests/OutsideUser --scratch-path .build/outside-user -Xcc -O2
.build/outside-user/debug/outside-user
