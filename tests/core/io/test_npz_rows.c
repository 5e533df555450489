/* Arrays of an .npz row by row: the same numbers as at once, stored, deflated and with ZIP64; damage is
 * noticed. */
#include <stdlib.h>

#include "core/io/npz_rows_private.h"
#include "core/io/zip_write_private.h"
#include "tests/support/check.h"
#include "tests/support/damage.h"
#include "tests/support/scratch.h"

#define DATA(name) TR_TEST_DATA "/npy/" name

static tr_npz *open_npz(tr_ctx *ctx, const char *path) {
  tr_npz *npz;
  CHECK_OK(ctx, tr_npz_open(ctx, path, &npz));
  return npz;
}

/* Reads `step` rows at a time and compares with the whole. */
static void compare(tr_ctx *ctx, tr_npz *npz, const char *name, int64_t step) {
  tr_npy whole;
  tr_npz_rows *rows;
  CHECK_OK(ctx, tr_npz_get(npz, name, &whole));
  CHECK_OK(ctx, tr_npz_rows_open(npz, name, &rows));
  const tr_npy *shape = tr_npz_rows_shape(rows);
  const int64_t n = whole.shape[0], row = whole.count / n;
  const size_t bytes = (size_t)row * tr_dtype_size(whole.dtype);
  CHECK(shape->ndim == whole.ndim && shape->count == whole.count && shape->dtype == whole.dtype);
  char *part = malloc((size_t)step * bytes);
  for (int64_t first = 0; first < n; first += step) {
    const int64_t k = n - first < step ? n - first : step;
    CHECK_OK(ctx, tr_npz_rows_read(rows, k, part));
    CHECK(memcmp(part, (const char *)whole.data + (size_t)first * bytes, (size_t)k * bytes) == 0);
  }
  CHECK_OK(ctx, tr_npz_rows_read(rows, 0, part));
  CHECK_ERROR(ctx, tr_npz_rows_read(rows, 1, part), TR_E_ARG, "0 are left");
  CHECK_ERROR(ctx, tr_npz_rows_read(rows, -1, part), TR_E_ARG, "-1 rows");
  free(part);
  tr_npz_rows_close(&rows);
  tr_npy_close(&whole);
}

static void numpys_files(tr_ctx *ctx) {
  tr_npz_rows *rows;
  tr_npz *npz = open_npz(ctx, DATA("stored.npz"));
  for (int64_t step = 1; step < 4; step++) compare(ctx, npz, "a", step), compare(ctx, npz, "b", step);
  CHECK_ERROR(ctx, tr_npz_rows_open(npz, "scalar", &rows), TR_E_IO, "one number");
  CHECK_ERROR(ctx, tr_npz_rows_open(npz, "c", &rows), TR_E_IO, "it holds a, b, scalar");
  tr_npz_close(&npz);
  npz = open_npz(ctx, DATA("deflated.npz"));
  for (int64_t step = 1; step < 600; step += 149) compare(ctx, npz, "a", step);
  tr_npz_close(&npz);
}

/* An array in an archive whose sizes and offsets are all in ZIP64 records. */
static void zip64(tr_ctx *ctx) {
  enum { N = 5, ROW = 7 };
  int32_t numbers[N * ROW];
  tr_npy npy;
  tr_zip_out *out;
  size_t size;
  for (int i = 0; i < N * ROW; i++) numbers[i] = 3 * i;
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_I32, 2, (int64_t[]){N, ROW}, numbers, &npy));
  CHECK_OK(ctx, tr_npy_save(ctx, scratch("x.npy"), &npy));
  unsigned char *bytes = read_whole(scratch("x.npy"), &size);
  CHECK_OK(ctx, tr_zip_out_create(ctx, scratch("64.npz"), 0, &out));
  CHECK_OK(ctx, tr_zip_out_begin(out, "x.npy", size));
  CHECK_OK(ctx, tr_zip_out_write(out, bytes, size));
  CHECK_OK(ctx, tr_zip_out_commit(&out));
  tr_npz *npz = open_npz(ctx, scratch("64.npz"));
  compare(ctx, npz, "x", 2);
  tr_npz_close(&npz);
  free(bytes);
}

/* All rows of all arrays; what is read without complaint is what NumPy wrote. */
typedef struct {
  tr_ctx *ctx;
  tr_npy a; /* of the file as it is */
} original;

static tr_status read_rows(original *o, tr_npz_rows *rows) {
  const tr_npy *shape = tr_npz_rows_shape(rows);
  tr_status status = TR_OK;
  if (shape->ndim != 1 || shape->count > 10000) return TR_OK; /* another header, of the same length */
  double *values = calloc((size_t)shape->count + 1, sizeof *values);
  for (int64_t i = 0; i < shape->shape[0] && status == TR_OK; i++)
    status = tr_npz_rows_read(rows, 1, values + i);
  if (status == TR_OK && shape->count == o->a.count)
    CHECK(memcmp(values, o->a.data, (size_t)o->a.count * sizeof *values) == 0);
  free(values);
  return status;
}

static tr_status read_damaged(const unsigned char *bytes, size_t size, void *user) {
  original *o = user;
  tr_npz *npz;
  tr_npz_rows *rows;
  write_whole(scratch("damaged.npz"), bytes, size);
  TR_TRY(tr_npz_open(o->ctx, scratch("damaged.npz"), &npz));
  tr_status status = tr_npz_rows_open(npz, "a", &rows);
  if (status == TR_OK) status = read_rows(o, rows);
  tr_npz_rows_close(&rows);
  tr_npz_close(&npz);
  return status;
}

static void damage(tr_ctx *ctx) {
  original o = {ctx, {0}};
  size_t size;
  tr_npz *npz = open_npz(ctx, DATA("deflated.npz"));
  unsigned char *bytes = read_whole(DATA("deflated.npz"), &size);
  CHECK_OK(ctx, tr_npz_get(npz, "a", &o.a));
  CHECK_OK(ctx, read_damaged(bytes, size, &o));
  damage_truncate(ctx, bytes, size, read_damaged, &o, TR_E_IO);
  damage_flip(ctx, bytes, size, read_damaged, &o);
  damage_mutate(ctx, bytes, size, 300, read_damaged, &o);
  tr_npy_close(&o.a);
  tr_npz_close(&npz);
  free(bytes);
}

static char heard[400];
static void hear(const char *message, void *user) {
  (void)user;
  snprintf(heard, sizeof heard, "%s", message);
}

/* Where an array lies, of which these are the elements. */
static void lies(tr_ctx *ctx, tr_npz *npz, const char *name, uint64_t most, bool mapped, bool owned) {
  tr_npy whole, npy;
  *heard = 0;
  CHECK_OK(ctx, tr_npz_get(npz, name, &whole));
  CHECK_OK(ctx, tr_npz_get_mapped(npz, name, most, &npy));
  CHECK((npy.map.data != NULL) == mapped && (npy.owned != NULL) == owned);
  CHECK(npy.count == whole.count &&
        memcmp(npy.data, whole.data, (size_t)npy.count * tr_dtype_size(npy.dtype)) == 0);
  tr_npy_close(&npy);
  tr_npy_close(&whole);
}

/* Large deflated arrays are unpacked into a file that has no name, or into memory with a warning. */
static void mapped(tr_ctx *ctx) {
  tr_npz *npz = open_npz(ctx, DATA("stored.npz"));
  char folder[400];
  tr_npy npy;
  lies(ctx, npz, "a", 0, false, true); /* not aligned there, so that it is copied */
  tr_npz_close(&npz);
  npz = open_npz(ctx, DATA("deflated.npz"));
  const char *before = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s", before ? before : "");
  const int entries = scratch_entries();
  setenv("TMPDIR", scratch(""), 1);
  lies(ctx, npz, "a", 0, true, false);
  CHECK(*heard == 0 && scratch_entries() == entries);
  const volatile sig_atomic_t stop = 1;
  tr_ctx_set_interrupt(ctx, &stop);
  CHECK_ERROR(ctx, tr_npz_get_mapped(npz, "a", 0, &npy), TR_E_INTERRUPTED, "unpacking");
  tr_ctx_set_interrupt(ctx, NULL);
  CHECK(scratch_entries() == entries);
  lies(ctx, npz, "a", 10000, false, true);
  CHECK_ERROR(ctx, tr_npz_get_mapped(npz, "none", 0, &npy), TR_E_IO, "it holds a, f");
  setenv("TMPDIR", scratch("nowhere"), 1);
  lies(ctx, npz, "a", 0, false, true);
  CHECK(strstr(heard, "is unpacked into memory, 0.0 MB, since '") &&
        strstr(heard, "nowhere' (TMPDIR) cannot have it: No such file or directory"));
  if (before)
    setenv("TMPDIR", folder, 1);
  else
    unsetenv("TMPDIR");
  tr_npz_close(&npz);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  numpys_files(ctx);
  zip64(ctx);
  damage(ctx);
  tr_ctx_on_warning(ctx, hear, NULL);
  mapped(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
