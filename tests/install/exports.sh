#!/bin/sh
# The shared library exports what the installed headers declare, no more and no less, and only names that begin with tr_.
# usage: exports.sh PREFIX SCRATCH COMPILER CMAKE. Needs python3.
set -eu
. "$(dirname "$0")/common.sh"

nm -D --defined-only "$library" | awk '{ print $3 }' | sort >exported
python3 "$here/../support/declarations.py" "$headers" >declared
[ "$(wc -l <declared)" -gt 200 ] || die "only $(wc -l <declared) declarations were found in $headers"
foreign=$(grep -v '^tr_' exported || true)
[ -z "$foreign" ] || die "exported without the prefix tr_:" $foreign
extra=$(comm -23 exported declared)
[ -z "$extra" ] || die "exported, but not declared in installed headers:" $extra
missing=$(comm -13 exported declared)
[ -z "$missing" ] || die "declared in installed headers, but not exported:" $missing

# Its name tells which programs it serves.
readelf -d "$library" | grep -q 'SONAME.*libtransit\.so\.[0-9.]*' || die "$library has no SONAME with a version"
