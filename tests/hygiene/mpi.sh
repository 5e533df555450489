#!/bin/sh
# What core/comm/mpi_private.h says of Open MPI's library in the place of mpi.h is what mpi.h says. usage: mpi.sh ROOT SCRATCH COMPILER
set -eu
. "$(dirname "$0")/common.sh"
compiler=$3

flags=$(mpicc.openmpi --showme:compile 2>/dev/null) || {
  echo "skipped: there is no mpicc of Open MPI (Debian: libopenmpi-dev)"
  exit 77
}

cat >"$2/mpi.c" <<'END'
#include <mpi.h>

#include "core/comm/mpi_private.h"

extern const tr_mpi_library same;
const tr_mpi_library same = {
#define X(name, arguments) .name = name,
#include "core/comm/mpi.def"
#undef X
    .world = MPI_COMM_WORLD,
    .byte = MPI_BYTE,
    .errors_return = MPI_ERRORS_RETURN,
};
_Static_assert(TR_MPI_THREAD_SERIALIZED == MPI_THREAD_SERIALIZED, "level of threads");
_Static_assert(TR_MPI_ERROR_STRING >= MPI_MAX_ERROR_STRING, "room for errors");
_Static_assert(MPI_SUCCESS == 0, "success");
_Static_assert(sizeof(MPI_Request) == sizeof(struct ompi_request_t *), "requests");
struct ompi_status_public_t *ignored(void);
struct ompi_status_public_t *ignored(void) {
  return MPI_STATUSES_IGNORE; /* NULL, with which MPI_Testall is called */
}
END

# shellcheck disable=SC2086
check() {
  "$compiler" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -fsyntax-only -I"$1" $flags "$2/mpi.c"
}

check "$1" "$2" || die "core/comm/mpi.def is not what mpi.h declares"
# A declaration that differs is noticed.
mkdir -p "$2/wrong/core"
cp -r "$1/core/." "$2/wrong/core/"
sed -i 's/X(MPI_Finalize, (void))/X(MPI_Finalize, (int))/' "$2/wrong/core/comm/mpi.def"
if check "$2/wrong" "$2" 2>/dev/null; then die "self-test: another declaration was not noticed"; fi
rm -rf "$2/wrong"
echo "the library's interface is that of mpi.h"
