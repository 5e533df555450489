#include "experiments/evaluate/metrics/lapack.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Fortran's interfaces; all arrays are column by column. */
typedef void (*dsyevd)(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
                       double *work, const int *lwork, int *iwork, const int *liwork, int *info);
typedef void (*dgesdd)(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s,
                       double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
                       int *iwork, int *info);
typedef void (*set_threads)(int threads);

static struct {
  void *handle; /* never closed once it has served */
  dsyevd eigen;
  dgesdd singular;
} lapack;

/* A function pointer from what dlsym gives, as POSIX means it. */
static bool find(const char *symbol, void *function) {
  void *found = dlsym(lapack.handle, symbol);
  memcpy(function, &found, sizeof found);
  return found;
}

static void *open_any(void) {
  const char *named = getenv("TRANSIT_LAPACK");
  if (named && *named) return dlopen(named, RTLD_NOW | RTLD_LOCAL);
  void *handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  return handle ? handle : dlopen("liblapack.so.3", RTLD_NOW | RTLD_LOCAL);
}

static tr_status open_lapack(tr_ctx *ctx) {
  set_threads threads;
  if (lapack.handle) return TR_OK;
  lapack.handle = open_any();
  if (!lapack.handle)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "a Frechet distance needs LAPACK: %s (Debian: libopenblas0)",
                   dlerror());
  if (!find("dsyevd_", &lapack.eigen) || !find("dgesdd_", &lapack.singular)) {
    dlclose(lapack.handle);
    lapack.handle = NULL;
    return TR_FAIL(
        ctx, TR_E_UNSUPPORTED,
        "a Frechet distance needs LAPACK: the library has no dsyevd and dgesdd (Debian: libopenblas0)");
  }
  if (find("openblas_set_num_threads", &threads)) threads(1);
  return TR_OK;
}

static tr_status prepare(tr_ctx *ctx, int64_t rows, int64_t columns) {
  const int64_t most = 16000; /* whose working memory is still counted in an int */
  if (rows <= most && columns <= most) return open_lapack(ctx);
  return TR_FAIL(ctx, TR_E_ARG, "a matrix of %lld x %lld to be decomposed, at most %lld are possible",
                 (long long)rows, (long long)columns, (long long)most);
}

static tr_status no_memory(tr_ctx *ctx, int64_t rows, int64_t columns) {
  return TR_FAIL(ctx, TR_E_MEM, "out of memory to decompose a matrix of %lld x %lld", (long long)rows,
                 (long long)columns);
}

static tr_status solved(tr_ctx *ctx, const char *what, int info) {
  return info == 0 ? TR_OK : TR_FAIL(ctx, TR_E_SOLVER, "LAPACK finds no %s (info = %d)", what, info);
}

tr_status lapack_eigen(tr_ctx *ctx, int64_t d, double *a, double *values) {
  const int n = (int)d, ask = -1;
  int integers = 0, info = 0;
  double room = 0;
  TR_TRY(prepare(ctx, d, d));
  lapack.eigen("V", "L", &n, a, &n, values, &room, &ask, &integers, &ask, &info);
  const int doubles = (int)room;
  double *work = malloc((size_t)doubles * sizeof *work);
  int *more = malloc((size_t)integers * sizeof *more);
  const bool done = work && more;
  if (done) lapack.eigen("V", "L", &n, a, &n, values, work, &doubles, more, &integers, &info);
  free(work);
  free(more);
  return done ? solved(ctx, "eigenvalues", info) : no_memory(ctx, d, d);
}

tr_status lapack_singular(tr_ctx *ctx, int64_t rows, int64_t columns, double *a, double *values, double *left,
                          double *right) {
  /* By columns this is the transposed matrix, whose left vectors are the right ones of a. */
  const int m = (int)columns, n = (int)rows, k = m < n ? m : n, ask = -1;
  const char *job = left ? "S" : "N";
  double room = 0, none, *u = left ? right : &none, *vt = left ? left : &none;
  int info = 0;
  TR_TRY(prepare(ctx, rows, columns));
  int *integers = malloc(8 * (size_t)k * sizeof *integers);
  if (!integers) return no_memory(ctx, rows, columns);
  lapack.singular(job, &m, &n, a, &m, values, u, &m, vt, &k, &room, &ask, integers, &info);
  const int doubles = (int)room;
  double *work = malloc((size_t)doubles * sizeof *work);
  const bool done = work;
  if (done) lapack.singular(job, &m, &n, a, &m, values, u, &m, vt, &k, work, &doubles, integers, &info);
  free(work);
  free(integers);
  return done ? solved(ctx, "singular values", info) : no_memory(ctx, rows, columns);
}
