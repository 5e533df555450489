#!/bin/sh
# Programs outside the project build against the package, by pkg-config and by find_package, with the shared library and
# with the static one, in C and in C++, and run. usage: programs.sh PREFIX SCRATCH COMPILER CMAKE
set -eu
. "$(dirname "$0")/common.sh"

for library in transit transit-static; do
  # shellcheck disable=SC2046
  "$compiler" -std=c11 $warnings "$here/consumer.c" -o "by-$library" $(pkg-config --cflags --libs $library)
  "./by-$library" "$library.npz"
done

# The examples of docs/, held to the truth as in the build (tests/examples).
for source in "$here"/../../docs/examples/*.c; do
  name=$(basename "$source" .c)
  # shellcheck disable=SC2046
  "$compiler" -std=c11 $warnings "$source" -o "$name" $(pkg-config --cflags --libs transit) -lm
  sh "$here/../examples/$name.sh" "$PWD/$name" "$PWD" "$prefix/bin/transit"
done

# shellcheck disable=SC2046
"$compiler_plus" -std=c++17 $warnings "$here/consumer.cc" -o plus $(pkg-config --cflags --libs transit)
./plus

# The shared library brings all that it needs: nothing else is looked for.
by_cmake() { # by_cmake FOLDER OPTION...
  folder=$1
  shift
  "$cmake" -S "$here" -B "$folder" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix" "$@" >"$folder.log" 2>&1 ||
    die "$(cat "$folder.log")"
  "$cmake" --build "$folder" >"$folder.log"
  "$folder/consumer" "$folder.npz"
}
by_cmake cmake-shared -DCMAKE_DISABLE_FIND_PACKAGE_SUNDIALS=TRUE
by_cmake cmake-named -DTRANSIT_COMPONENTS=shared -DCMAKE_DISABLE_FIND_PACKAGE_SUNDIALS=TRUE
by_cmake cmake-static -DTRANSIT_STATIC=TRUE
by_cmake cmake-both -DTRANSIT_COMPONENTS="shared;static"
if "$cmake" -S "$here" -B cmake-unknown -DCMAKE_PREFIX_PATH="$prefix" -DTRANSIT_COMPONENTS=stattic >unknown.log 2>&1; then
  die "find_package finds the component 'stattic'"
fi
grep -q "no component 'stattic'" unknown.log || die "find_package does not say why: $(cat unknown.log)"

for file in transit-static.npz cmake-shared.npz cmake-static.npz; do cmp transit.npz "$file"; done

# Who links what.
needs() { readelf -d "$1" | grep -q 'NEEDED.*libtransit'; }
needs by-transit && needs cmake-shared/consumer || die "the shared library is not used"
if needs by-transit-static || needs cmake-static/consumer; then die "the static library is not used"; fi

"$prefix/bin/transit" --version >version
version=$(pkg-config --modversion transit)
grep -q "^transit $version" version || die "transit --version says $(head -n 1 version), the package $version"
