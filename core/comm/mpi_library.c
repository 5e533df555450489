#include <dlfcn.h>
#include <string.h>

#include "core/comm/mpi_private.h"

#define LIBRARY "libmpi.so.40"

static tr_mpi_library library;
static void *handle;

static tr_status lacks(tr_ctx *ctx, const char *symbol) {
  return TR_FAIL(ctx, TR_E_UNSUPPORTED,
                 "several ranks need Open MPI 4 or 5: the " LIBRARY " found here has no %s", symbol);
}

/* A function pointer from what dlsym gives, as POSIX means it. */
static bool find(const char *symbol, void *to) {
  void *found = dlsym(handle, symbol);
  memcpy(to, &found, sizeof found);
  return found;
}

static tr_status bind_all(tr_ctx *ctx) {
#define X(name, arguments)                                                                                   \
  if (!find(#name, &library.name)) return lacks(ctx, #name);
#include "core/comm/mpi.def"
#undef X
  if (!find("ompi_mpi_comm_world", &library.world)) return lacks(ctx, "ompi_mpi_comm_world");
  if (!find("ompi_mpi_byte", &library.byte)) return lacks(ctx, "ompi_mpi_byte");
  if (!find("ompi_mpi_errors_return", &library.errors_return)) return lacks(ctx, "ompi_mpi_errors_return");
  return TR_OK;
}

/* Its own plug-ins look for its symbols among everybody's: hence RTLD_GLOBAL. It is never closed. */
tr_status tr_mpi_library_open(tr_ctx *ctx, const tr_mpi_library **out) {
  *out = &library;
  if (!handle) handle = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL);
  if (handle) return bind_all(ctx);
  return TR_FAIL(ctx, TR_E_UNSUPPORTED,
                 "several ranks need Open MPI: %s (Debian: openmpi-bin, libopenmpi3; mpirun must be its own)",
                 dlerror());
}
