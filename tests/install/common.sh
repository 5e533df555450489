# Shared by the tests of the installed package: sourced with PREFIX SCRATCH COMPILER CMAKE as arguments. Ends in the
# scratch folder, which is empty.
prefix=$1 scratch=$2 compiler=$3 cmake=$4
here=$(cd "$(dirname "$0")" && pwd)
headers=$prefix/include/transit
library=$(find "$prefix" -name libtransit.so)
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name transit.pc)")
LD_LIBRARY_PATH=$(dirname "$library")
export PKG_CONFIG_PATH LD_LIBRARY_PATH
warnings="-Wall -Wextra -Wpedantic -Werror"

compiler_plus=
for candidate in g++ clang++-14 clang++; do
  if [ -z "$compiler_plus" ] && command -v "$candidate" >/dev/null 2>&1; then compiler_plus=$candidate; fi
done

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

[ -n "$compiler_plus" ] || die "no C++ compiler: g++ or clang++-14 is needed"
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
