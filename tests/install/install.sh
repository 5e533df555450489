#!/bin/sh
# Installs the build into a scratch prefix and builds a program against it, by pkg-config and by find_package.
# usage: install.sh BUILD SCRATCH COMPILER CMAKE
set -eu
build=$1 scratch=$2 compiler=$3 cmake=$4
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$scratch"
mkdir -p "$scratch"
"$cmake" --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
cd "$scratch"

config=$(find prefix -name transit.pc)
PKG_CONFIG_PATH=$scratch/$(dirname "$config")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
"$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror "$here/consumer.c" -o by-pkg-config $(pkg-config --cflags --libs transit)
./by-pkg-config "$scratch/a.npz"

# No header needs anything that is not installed with it.
for header in $(cd prefix/include/transit && find . -name '*.h' | sed 's|^\./||'); do
  printf '#include "%s"\ntypedef int not_empty;\n' "$header" |
    "$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags transit) -x c -fsyntax-only -
done

# The headers serve C++ too, where there is a compiler for it.
if command -v g++ >/dev/null 2>&1; then
  cat >plus.cc <<END
#include "transport/register.h"
#include "transport/sampler/sampler.h"
int main() {
  tr_ctx *ctx;
  tr_sampler sampler;
  bool ok = tr_ctx_open("cpu", 1, &ctx, nullptr) == TR_OK && tr_register_all(ctx) == TR_OK &&
            tr_sampler_defaults(ctx, &sampler) == TR_OK;
  tr_ctx_close(&ctx);
  return ok ? 0 : 1;
}
END
  # shellcheck disable=SC2046
  g++ -std=c++17 -Wall -Wextra -Werror plus.cc -o plus $(pkg-config --cflags --libs transit)
  ./plus
fi

"$cmake" -S "$here" -B by-cmake -DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$scratch/prefix" >configure.log
"$cmake" --build by-cmake >build.log
by-cmake/consumer "$scratch/b.npz"
cmp a.npz b.npz
prefix/bin/transit --version >/dev/null
