/* .npz: archives that NumPy wrote, round trips, Python's zipfile as a second reader, ZIP64, bad names, full
 * disks. */
/* TR_TEST_RESOURCES */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/npz.h"
#include "core/io/zip_private.h"
#include "core/io/zip_write_private.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define DATA(name) TR_TEST_DATA "/npy/" name

static void numpys_files(tr_ctx *ctx) {
  tr_npz *npz;
  tr_npy npy;
  double x[600];
  CHECK_OK(ctx, tr_npz_open(ctx, DATA("stored.npz"), &npz));
  CHECK(tr_npz_count(npz) == 3 && strcmp(tr_npz_name(npz, 1), "b") == 0);
  CHECK(tr_npz_has(npz, "a") && !tr_npz_has(npz, "a.npy"));
  CHECK_OK(ctx, tr_npz_get(npz, "a", &npy));
  tr_npy_get_f64(&npy, x);
  CHECK(npy.dtype == TR_F64 && npy.count == 6 && x[0] == -3 && x[5] == -0.5);
  tr_npy_close(&npy);
  CHECK_OK(ctx, tr_npz_get(npz, "scalar", &npy));
  tr_npy_get_f64(&npy, x);
  CHECK(npy.ndim == 0 && x[0] == -3);
  tr_npy_close(&npy);
  CHECK_ERROR(ctx, tr_npz_get(npz, "c", &npy), TR_E_IO, "it holds a, b, scalar");
  tr_npz_close(&npz);
  CHECK_OK(ctx, tr_npz_open(ctx, DATA("deflated.npz"), &npz));
  CHECK_OK(ctx, tr_npz_get(npz, "a", &npy));
  tr_npy_get_f64(&npy, x);
  CHECK(npy.count == 600 && x[0] == -3 && x[599] == 296.5);
  tr_npy_close(&npy);
  tr_array *a;
  CHECK_OK(ctx, tr_npz_get_array(npz, "f", TR_F32, &a));
  CHECK_OK(ctx, tr_array_get_f64(a, x));
  CHECK(a->ndim == 3 && x[0] == -3 && x[1] == -2.5 && x[23] == 8.5);
  tr_array_destroy(&a);
  tr_npz_close(&npz);
}

/* The header and the characters that NumPy expects of '<U3'. */
static void texts(tr_ctx *ctx) {
  static const char *const words[] = {"a", "", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82"},
                           *const wrong[] = {"\xff"}, *const missing[] = {"a", NULL};
  static const uint32_t want[9] = {'a', 0, 0, 0, 0, 0, 0xe4, 0x20ac, 0x1f642};
  static const char header[] = "'descr': '<U3', 'fortran_order': False, 'shape': (3,)";
  const char *path = scratch("texts.npz");
  tr_npz_out *out;
  CHECK_OK(ctx, tr_npz_create(ctx, path, &out));
  CHECK_ERROR(ctx, tr_npz_add_texts(out, "w", 1, wrong), TR_E_ARG, "the text '?' is no UTF-8");
  CHECK_ERROR(ctx, tr_npz_add_texts(out, "w", 2, missing), TR_E_ARG, "text 1 is NULL");
  CHECK_ERROR(ctx, tr_npz_add_texts(out, "w", -1, words), TR_E_SHAPE, "negative");
  CHECK_OK(ctx, tr_npz_add_texts(out, "words", 3, words));
  CHECK_OK(ctx, tr_npz_add_texts(out, "none", 0, words));
  CHECK_OK(ctx, tr_npz_commit(&out));
  tr_file_map map;
  tr_zip *zip;
  const unsigned char *bytes;
  void *inflated;
  CHECK_OK(ctx, tr_file_map_open(ctx, path, &map));
  CHECK_OK(ctx, tr_zip_open(ctx, &map, &zip));
  const tr_zip_entry *entry = tr_zip_entry_at(zip, 0);
  CHECK_OK(ctx, tr_zip_read(ctx, zip, entry, &bytes, &inflated));
  CHECK(memcmp(bytes + 11, header, sizeof header - 1) == 0); /* behind the magic, the length and a brace */
  CHECK(memcmp(bytes + entry->size - sizeof want, want, sizeof want) == 0);
  free(inflated);
  tr_zip_close(&zip);
  tr_file_map_close(&map);
  unlink(path);
}

/* One archive with host arrays, device arrays of every type, and one appended in uneven pieces. */
static tr_status write_archive(tr_ctx *ctx, const char *path) {
  static const double host[6] = {0, -1.5, 2, 1e300, 5e-324, NAN};
  static const float pieces[7] = {1, 2, 3, 4, 5, 6, 7};
  tr_npz_out *out;
  tr_npy npy;
  tr_array *a;
  TR_TRY(tr_npz_create(ctx, path, &out));
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F64, 2, (int64_t[]){2, 3}, host, &npy));
  CHECK_OK(ctx, tr_npz_add(out, "host", &npy));
  for (int i = 0; i < 3; i++) {
    static const tr_dtype dtypes[] = {TR_F32, TR_F64, TR_I32};
    CHECK_OK(ctx, tr_array_create(ctx, dtypes[i], 2, (int64_t[]){3, 2}, &a));
    CHECK_OK(ctx, tr_array_set_f64(a, (double[]){1, -2, 3, -4, 5, -6}));
    CHECK_OK(ctx, tr_npz_add_array(out, tr_dtype_name(dtypes[i]), a));
    tr_array_destroy(&a);
  }
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F32, 1, (int64_t[]){10}, NULL, &npy));
  CHECK_OK(ctx, tr_npz_begin(out, "odd|name (1)", &npy));
  CHECK_OK(ctx, tr_npz_append(out, pieces, 5));
  CHECK_OK(ctx, tr_npz_append(out, pieces, 0));
  CHECK_OK(ctx, tr_npz_append(out, pieces, 2));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F32, 1, (int64_t[]){3}, &a));
  CHECK_OK(ctx, tr_array_set_f64(a, (double[]){8, 9, 10}));
  CHECK_OK(ctx, tr_npz_append_array(out, a));
  tr_array_destroy(&a);
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_U8, 2, (int64_t[]){0, 3}, NULL, &npy));
  CHECK_OK(ctx, tr_npz_add(out, "empty", &npy));
  return tr_npz_commit(&out);
}

static void check_archive(tr_ctx *ctx, const char *path) {
  static const double host[6] = {0, -1.5, 2, 1e300, 5e-324, NAN};
  static const char *const names[] = {"f32", "f64", "i32"};
  tr_npz *npz;
  tr_npy npy;
  double x[10];
  CHECK_OK(ctx, tr_npz_open(ctx, path, &npz));
  CHECK(tr_npz_count(npz) == 6);
  CHECK_OK(ctx, tr_npz_get(npz, "host", &npy));
  CHECK(npy.owned == NULL && npy.ndim == 2 && memcmp(npy.data, host, sizeof host) == 0);
  CHECK((uintptr_t)npy.data % 64 == 0);
  tr_npy_close(&npy);
  for (int i = 0; i < 3; i++) {
    CHECK_OK(ctx, tr_npz_get(npz, names[i], &npy));
    tr_npy_get_f64(&npy, x);
    CHECK(npy.shape[0] == 3 && npy.shape[1] == 2 && x[0] == 1 && x[5] == -6);
    CHECK(npy.owned == NULL && (uintptr_t)npy.data % 64 == 0);
    tr_npy_close(&npy);
  }
  CHECK_OK(ctx, tr_npz_get(npz, "odd|name (1)", &npy));
  tr_npy_get_f64(&npy, x);
  CHECK(npy.count == 10 && x[4] == 5 && x[5] == 1 && x[6] == 2 && x[9] == 10);
  tr_npy_close(&npy);
  CHECK_OK(ctx, tr_npz_get(npz, "empty", &npy));
  CHECK(npy.count == 0 && npy.ndim == 2 && npy.shape[1] == 3);
  tr_npy_close(&npy);
  tr_npz_close(&npz);
}

static void round_trip(tr_ctx *ctx) {
  CHECK_OK(ctx, write_archive(ctx, scratch("a.npz")));
  check_archive(ctx, scratch("a.npz"));
  CHECK_OK(ctx, write_archive(ctx, scratch("b.npz")));
  size_t size, other_size;
  unsigned char *bytes = read_whole(scratch("a.npz"), &size),
                *other = read_whole(scratch("b.npz"), &other_size);
  CHECK(size == other_size && memcmp(bytes, other, size) == 0); /* no dates, no names of machines */
  free(bytes);
  free(other);
  unlink(scratch("b.npz"));
}

/* An array larger than the pieces in which device memory is fetched. */
static void large_array(tr_ctx *ctx) {
  enum { N = (1 << 18) + 77 };
  tr_array *a;
  tr_npz_out *out;
  tr_npz *in;
  tr_npy npy;
  double *x = malloc(N * sizeof *x);
  for (int i = 0; i < N; i++) x[i] = i;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){N}, &a));
  CHECK_OK(ctx, tr_array_upload(a, x));
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("large.npz"), &out));
  CHECK_OK(ctx, tr_npz_add_array(out, "x", a));
  CHECK_OK(ctx, tr_npz_commit(&out));
  CHECK_OK(ctx, tr_npz_open(ctx, scratch("large.npz"), &in));
  CHECK_OK(ctx, tr_npz_get(in, "x", &npy));
  CHECK(npy.count == N && memcmp(npy.data, x, N * sizeof *x) == 0);
  tr_npy_close(&npy);
  tr_npz_close(&in);
  tr_array_destroy(&a);
  free(x);
  unlink(scratch("large.npz"));
}

/* Python's zipfile checks every CRC-32 and header of `path`; a machine without Python skips this part. */
static void python_reads(const char *path) {
  char command[1400];
  if (system("python3 -c 'import zipfile' >/dev/null 2>&1") != 0) return;
  snprintf(command, sizeof command,
           "python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); "
           "sys.exit(z.testzip() is not None or len(z.namelist()) == 0)' '%s'",
           path);
  CHECK(system(command) == 0);
}

/* The same entries with every ZIP64 record, and with those of offsets only. */
static void zip64(tr_ctx *ctx) {
  static const uint32_t limits[] = {0, 45, 100, TR_ZIP32_MAX};
  for (int i = 0; i < 4; i++) {
    tr_zip_out *out;
    tr_zip *zip;
    tr_file_map map;
    CHECK_OK(ctx, tr_zip_out_create(ctx, scratch("64.zip"), limits[i], &out));
    for (int k = 0; k < 3; k++) {
      static const char *const names[] = {"one", "two", "dir/three"};
      static const char text[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
      uint64_t size = (uint64_t)k * 30, at = tr_zip_out_content_at(out, names[k], size);
      CHECK_OK(ctx, tr_zip_out_begin(out, names[k], size));
      CHECK(tr_zip_out_content_at(out, "", 0) == at + 30); /* behind the header just written */
      CHECK_OK(ctx, tr_zip_out_write(out, text, (size_t)size));
    }
    CHECK_OK(ctx, tr_zip_out_commit(&out));
    CHECK(out == NULL);
    CHECK_OK(ctx, tr_file_map_open(ctx, scratch("64.zip"), &map));
    CHECK_OK(ctx, tr_zip_open(ctx, &map, &zip));
    if (zip) {
      const unsigned char *data;
      void *owned;
      const tr_zip_entry *entry = tr_zip_find(zip, "dir/three");
      CHECK(tr_zip_count(zip) == 3 && entry && entry->size == 60);
      CHECK_OK(ctx, tr_zip_read(ctx, zip, entry, &data, &owned));
      CHECK(owned == NULL && memcmp(data, "01234567890", 11) == 0);
      tr_zip_close(&zip);
    }
    tr_file_map_close(&map);
    python_reads(scratch("64.zip"));
  }
  unlink(scratch("64.zip"));
}

static void many_entries(tr_ctx *ctx) {
  tr_zip_out *out;
  tr_zip *zip;
  tr_file_map map;
  CHECK_OK(ctx, tr_zip_out_create(ctx, scratch("many.zip"), TR_ZIP32_MAX, &out));
  for (int k = 0; k < 300; k++) {
    char name[16];
    snprintf(name, sizeof name, "%d", k);
    CHECK_OK(ctx, tr_zip_out_begin(out, name, 1));
    CHECK_OK(ctx, tr_zip_out_write(out, name, 1));
  }
  CHECK_OK(ctx, tr_zip_out_commit(&out));
  CHECK_OK(ctx, tr_file_map_open(ctx, scratch("many.zip"), &map));
  CHECK_OK(ctx, tr_zip_open(ctx, &map, &zip));
  CHECK(zip && tr_zip_count(zip) == 300);
  tr_zip_close(&zip);
  tr_file_map_close(&map);
  unlink(scratch("many.zip"));
}

static void misuse(tr_ctx *ctx) {
  tr_npz_out *out;
  tr_npy npy;
  tr_array *a;
  float x[4] = {0};
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F32, 1, (int64_t[]){4}, x, &npy));
  static const char *const names[] = {"", "/etc/x", "a\nb", "caf\xc3\xa9", "a\\b"};
  for (int i = 1; i < 5; i++) {
    CHECK_OK(ctx, tr_npz_create(ctx, scratch("bad.npz"), &out));
    CHECK_ERROR(ctx, tr_npz_add(out, names[i], &npy), TR_E_ARG, "printable");
    CHECK_ERROR(ctx, tr_npz_commit(&out), TR_E_ARG, NULL); /* after an error nothing appears */
    CHECK(out == NULL);
  }
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("bad.npz"), &out));
  CHECK_OK(ctx, tr_npz_add(out, "x", &npy));
  CHECK_ERROR(ctx, tr_npz_add(out, "x", &npy), TR_E_ARG, "already has");
  tr_npz_discard(&out);
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("bad.npz"), &out));
  CHECK_OK(ctx, tr_npz_begin(out, "x", &npy));
  CHECK_ERROR(ctx, tr_npz_append(out, x, 5), TR_E_ARG, "do not fit");
  tr_npz_discard(&out);
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("bad.npz"), &out));
  CHECK_OK(ctx, tr_npz_begin(out, "x", &npy));
  CHECK_ERROR(ctx, tr_npz_append(out, x, -1), TR_E_ARG, "-1 elements");
  CHECK_OK(ctx, tr_npz_append(out, x, 3));
  CHECK_ERROR(ctx, tr_npz_commit(&out), TR_E_ARG, "4 bytes short");
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("bad.npz"), &out));
  CHECK_OK(ctx, tr_npz_begin(out, "x", &npy));
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, (int64_t[]){2}, &a));
  CHECK_ERROR(ctx, tr_npz_append_array(out, a), TR_E_SHAPE, "float64");
  tr_array_destroy(&a);
  tr_npz_discard(&out);
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("bad.npz"), &out));
  CHECK_OK(ctx, tr_array_create(ctx, TR_BF16, 1, (int64_t[]){2}, &a));
  CHECK_ERROR(ctx, tr_npz_add_array(out, "x", a), TR_E_UNSUPPORTED, "bf16");
  tr_array_destroy(&a);
  tr_npz_discard(&out);
  tr_npz_discard(&out);
}

/* A file that may not grow past 4096 bytes stands in for a full disk. */
static void full_disk(tr_ctx *ctx) {
  enum { N = 4096 };
  static double x[N];
  struct rlimit before, small;
  tr_npy npy;
  tr_npz_out *out;
  int entries = scratch_entries();
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F64, 1, (int64_t[]){N}, x, &npy));
  signal(SIGXFSZ, SIG_IGN);
  CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
  small = (struct rlimit){4096, before.rlim_max};
  CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
  CHECK_ERROR(ctx, tr_npy_save(ctx, scratch("full.npy"), &npy), TR_E_IO, "full.npy");
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("full.npz"), &out));
  tr_status status = tr_npz_add(out, "x", &npy);
  if (status == TR_OK)
    CHECK_ERROR(ctx, tr_npz_commit(&out), TR_E_IO, "full.npz");
  else
    CHECK_ERROR(ctx, status, TR_E_IO, "File too large");
  tr_npz_discard(&out);
  npy.shape[0] = npy.count = 16; /* fits into the stream's buffer: noticed when it is flushed */
  small.rlim_cur = 64;
  CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
  CHECK_ERROR(ctx, tr_npy_save(ctx, scratch("full.npy"), &npy), TR_E_IO, "full.npy");
  CHECK_OK(ctx, tr_npz_create(ctx, scratch("full.npz"), &out));
  CHECK_OK(ctx, tr_npz_add(out, "x", &npy));
  CHECK_ERROR(ctx, tr_npz_commit(&out), TR_E_IO, "full.npz");
  CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(scratch_entries() == entries);
}

static void no_directory(tr_ctx *ctx) {
  tr_npz_out *out;
  tr_npy npy;
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F64, 1, (int64_t[]){0}, NULL, &npy));
  CHECK_ERROR(ctx, tr_npz_create(ctx, scratch("absent/x.npz"), &out), TR_E_IO, "No such file");
  CHECK(out == NULL);
  CHECK_ERROR(ctx, tr_npy_save(ctx, scratch("absent/x.npy"), &npy), TR_E_IO, "No such file");
  CHECK(mkdir(scratch("dir.npz"), 0700) == 0);
  CHECK_ERROR(ctx, tr_npz_create(ctx, scratch("dir.npz"), &out), TR_E_IO, "directory");
  CHECK(rmdir(scratch("dir.npz")) == 0);
}

/* Every array of an archive cut short is refused, or the archive itself is. */
static void truncated(tr_ctx *ctx) {
  size_t size;
  unsigned char *bytes = read_whole(DATA("stored.npz"), &size);
  for (size_t n = 0; n < size; n++) {
    tr_npz *npz;
    write_whole(scratch("cut.npz"), bytes, n);
    CHECK_ERROR(ctx, tr_npz_open(ctx, scratch("cut.npz"), &npz), TR_E_IO, NULL);
  }
  bytes[200] ^= 1; /* inside the elements: the CRC-32 no longer agrees */
  write_whole(scratch("cut.npz"), bytes, size);
  tr_npz *npz;
  tr_npy npy;
  CHECK_OK(ctx, tr_npz_open(ctx, scratch("cut.npz"), &npz));
  CHECK_ERROR(ctx, tr_npz_get(npz, "a", &npy), TR_E_IO, NULL);
  tr_npz_close(&npz);
  free(bytes);
  unlink(scratch("cut.npz"));
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  numpys_files(ctx);
  texts(ctx);
  round_trip(ctx);
  python_reads(scratch("a.npz"));
  unlink(scratch("a.npz"));
  large_array(ctx);
  zip64(ctx);
  many_entries(ctx);
  misuse(ctx);
  full_disk(ctx);
  no_directory(ctx);
  truncated(ctx);
  CHECK(scratch_entries() == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
