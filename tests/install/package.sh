#!/bin/sh
# Installs the build, and moves what was installed: the package works wherever it lies. usage: package.sh BUILD PREFIX CMAKE
set -eu
build=$1 prefix=$2 cmake=$3

rm -rf "$prefix" "$prefix-before"
"$cmake" --install "$build" --prefix "$prefix-before" >"$prefix.log"
mv "$prefix-before" "$prefix"
if grep -rqF "$prefix-before" "$prefix"; then
  echo "the package names the folder that it was installed to:" >&2
  grep -rlF "$prefix-before" "$prefix" >&2
  exit 1
fi
