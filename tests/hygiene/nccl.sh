#!/bin/sh
# What cuda/library/nccl_private.h says of NCCL's library in the place of nccl.h is what nccl.h says. usage: nccl.sh ROOT SCRATCH COMPILER
set -eu
. "$(dirname "$0")/common.sh"
compiler=$3

cat >"$2/there.c" <<'END'
#include <nccl.h>
END
cuda=$(command -v nvcc 2>/dev/null || echo "${CUDA_HOME-/usr/local/cuda}/bin/nvcc")
cuda=$(readlink -f "$cuda" 2>/dev/null || echo "$cuda")
flags="-I${cuda%/bin/*}/include"
# shellcheck disable=SC2086
"$compiler" -fsyntax-only $flags "$2/there.c" 2>/dev/null || {
  echo "skipped: there is no nccl.h (pip install nvidia-nccl-cu13, or NVIDIA's libnccl-dev) beside CUDA's headers"
  exit 77
}

cat >"$2/values.h" <<'END'
#define VALUES(check)                                                                                        \
  check(ncclSuccess, 0) check(ncclSystemError, 2) check(ncclInvalidArgument, 4) check(ncclRemoteError, 6)    \
  check(ncclUint8, 1) check(ncclFloat32, 7) check(ncclFloat64, 8) check(ncclSum, 0)
#define CHECK(name, value) _Static_assert(name == value, #name);
END
# The interface of ours, with the types of nccl.h.
cat >"$2/same.c" <<'END'
#include <nccl.h>

#include "cuda/library/nccl_private.h"
#include "values.h"

extern const tr_nccl same;
const tr_nccl same = {
#define X(result, name, arguments) .name = name,
#include "cuda/library/nccl.def"
#undef X
};
VALUES(CHECK)
_Static_assert(sizeof(ncclUniqueId) == 128, "an id");
END
# Ours alone has the same numbers.
cat >"$2/ours.c" <<'END'
#include "cuda/library/nccl_private.h"
#include "values.h"

VALUES(CHECK)
_Static_assert(sizeof(ncclUniqueId) == 128, "an id");
END

# shellcheck disable=SC2086
check() {
  "$compiler" -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$1" -I"$2" $flags "$2/same.c" "$2/ours.c"
}

check "$1" "$2" || die "cuda/library/nccl.def is not what nccl.h declares"
# A declaration that differs is noticed.
mkdir -p "$2/wrong/cuda/library"
cp "$1"/cuda/library/nccl* "$2/wrong/cuda/library/"
sed -i 's/(ncclComm_t, ncclResult_t \*)/(ncclComm_t, int)/' "$2/wrong/cuda/library/nccl.def"
if check "$2/wrong" "$2" 2>/dev/null; then die "self-test: another declaration was not noticed"; fi
rm -rf "$2/wrong"
echo "the library's interface is that of nccl.h"
