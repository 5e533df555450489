#!/bin/sh
# Sources are as clang-format 14 writes them. usage: format.sh ROOT. Status 77 (skipped) without clang-format 14.
set -eu
. "$(dirname "$0")/common.sh"

format=
for candidate in clang-format-14 clang-format; do
  if "$candidate" --version 2>/dev/null | grep -q 'version 14\.'; then format=$candidate && break; fi
done
[ -n "$format" ] || { echo "clang-format 14 is not installed" && exit 77; }

cd "$1"
need_sources
if printf 'int  x ;\n' | "$format" --dry-run -Werror 2>/dev/null; then die "self-test: bad format was not noticed"; fi
sources | tr '\n' '\0' | xargs -0 "$format" --dry-run -Werror
