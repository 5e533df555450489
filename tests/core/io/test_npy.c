/* .npy and .npz against files that NumPy wrote (element k of a row-major array is k/2 - 3 for reals, k - 3
 * for signed integers, k for unsigned, k % 3 == 0 for booleans), round trips, and malformed files. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>
#include <unistd.h>

#include "core/io/npz.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define DATA(name) TR_TEST_DATA "/npy/" name

static double expected(tr_dtype type, int64_t k) {
  if (type == TR_BOOL) return k % 3 == 0;
  if (tr_dtype_is_float(type)) return (double)k / 2 - 3;
  return type >= TR_U8 ? (double)k : (double)k - 3;
}

static void check_elements(const tr_npy *npy) {
  double values[1024];
  float singles[1024];
  bool good = npy->count <= 1024;
  CHECK(good);
  if (!good) return;
  CHECK((uintptr_t)npy->data % tr_dtype_size(npy->dtype) == 0);
  tr_npy_get_f64(npy, values);
  tr_npy_get_f32(npy, singles);
  for (int64_t k = 0; k < npy->count; k++)
    good = good && values[k] == expected(npy->dtype, k) && singles[k] == (float)values[k];
  CHECK(good);
}

static void numpys_types(tr_ctx *ctx) {
  static const struct {
    const char *file, *name;
    tr_dtype dtype;
  } cases[] = {{DATA("b1.npy"), "bool", TR_BOOL},   {DATA("i1.npy"), "int8", TR_I8},
               {DATA("i2.npy"), "int16", TR_I16},   {DATA("i4.npy"), "int32", TR_I32},
               {DATA("i8.npy"), "int64", TR_I64},   {DATA("u1.npy"), "uint8", TR_U8},
               {DATA("u2.npy"), "uint16", TR_U16},  {DATA("u4.npy"), "uint32", TR_U32},
               {DATA("u8.npy"), "uint64", TR_U64},  {DATA("f2.npy"), "float16", TR_F16},
               {DATA("f4.npy"), "float32", TR_F32}, {DATA("f8.npy"), "float64", TR_F64}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tr_npy npy;
    CHECK_OK(ctx, tr_npy_open(ctx, cases[i].file, &npy));
    CHECK(npy.dtype == cases[i].dtype && strcmp(tr_npy_type_name(npy.dtype), cases[i].name) == 0);
    CHECK(npy.ndim == 3 && npy.shape[0] == 2 && npy.shape[1] == 3 && npy.shape[2] == 4 && npy.count == 24);
    CHECK(npy.owned == NULL); /* read in place */
    check_elements(&npy);
    tr_npy_close(&npy);
    CHECK(npy.data == NULL);
  }
}

static void numpys_layouts(tr_ctx *ctx) {
  static const struct {
    const char *file, *shape;
  } cases[] = {{DATA("fortran.npy"), "float64 (2, 3, 4)"},
               {DATA("fortran_vector.npy"), "float32 (5)"},
               {DATA("scalar.npy"), "float64 ()"},
               {DATA("empty.npy"), "float32 (0, 3)"},
               {DATA("v2.npy"), "float64 (2, 3)"},
               {DATA("v3.npy"), "float64 (2, 3)"},
               {DATA("dims8.npy"), "float32 (1, 2, 1, 2, 1, 2, 1, 2)"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tr_npy npy;
    char text[120];
    CHECK_OK(ctx, tr_npy_open(ctx, cases[i].file, &npy));
    CHECK(strcmp(tr_npy_describe(&npy, text, sizeof text), cases[i].shape) == 0);
    check_elements(&npy);
    tr_npy_close(&npy);
  }
}

static void half_precision(tr_ctx *ctx) {
  tr_npy npy;
  double x[6];
  CHECK_OK(ctx, tr_npy_open(ctx, DATA("special.npy"), &npy));
  tr_npy_get_f64(&npy, x);
  CHECK(isnan(x[0]) && x[1] == INFINITY && x[2] == -INFINITY && x[4] == 65504 && x[5] == 0 && signbit(x[5]));
  CHECK(x[3] == 0x1p-24); /* the smallest subnormal */
  tr_npy_close(&npy);
}

static void integers(tr_ctx *ctx) {
  tr_npy npy;
  int32_t got[24];
  CHECK_OK(ctx, tr_npy_open(ctx, DATA("i8.npy"), &npy));
  CHECK_OK(ctx, tr_npy_get_i32(ctx, &npy, got));
  CHECK(got[0] == -3 && got[23] == 20);
  tr_npy_close(&npy);
  CHECK_OK(ctx, tr_npy_open(ctx, DATA("f8.npy"), &npy));
  CHECK_ERROR(ctx, tr_npy_get_i32(ctx, &npy, got), TR_E_ARG, "-2.5 at element 1");
  tr_npy_close(&npy);
  static const double wrong[] = {2147483648.0, -2147483649.0, NAN, INFINITY};
  for (int i = 0; i < 4; i++) {
    CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F64, 0, NULL, &wrong[i], &npy));
    CHECK_ERROR(ctx, tr_npy_get_i32(ctx, &npy, got), TR_E_ARG, "32-bit");
  }
  static const int64_t edge[] = {INT32_MIN, INT32_MAX};
  CHECK_OK(ctx, tr_npy_wrap(ctx, TR_I64, 1, (int64_t[]){2}, edge, &npy));
  CHECK_OK(ctx, tr_npy_get_i32(ctx, &npy, got));
  CHECK(got[0] == INT32_MIN && got[1] == INT32_MAX);
}

static void to_arrays(tr_ctx *ctx) {
  static const char *const files[] = {DATA("f4.npy"), DATA("f8.npy"), DATA("i4.npy"), DATA("fortran.npy")};
  for (int i = 0; i < 4; i++) {
    for (tr_dtype dtype = TR_F32; dtype <= TR_BF16; dtype++) {
      tr_npy npy;
      tr_array *a;
      double got[24], want[24];
      CHECK_OK(ctx, tr_npy_open(ctx, files[i], &npy));
      CHECK_OK(ctx, tr_npy_to_array(ctx, &npy, dtype, &a));
      CHECK(a->dtype == dtype && a->ndim == 3 && a->shape[2] == 4);
      CHECK_OK(ctx, tr_array_get_f64(a, got));
      tr_npy_get_f64(&npy, want);
      CHECK(memcmp(got, want, sizeof got) == 0);
      tr_array_destroy(&a);
      tr_npy_close(&npy);
    }
  }
  tr_npy npy;
  tr_array *a;
  CHECK_OK(ctx, tr_npy_open(ctx, DATA("dims8.npy"), &npy));
  CHECK_ERROR(ctx, tr_npy_to_array(ctx, &npy, TR_F32, &a), TR_E_SHAPE, "at most 5");
  tr_npy_close(&npy);
  CHECK_OK(ctx, tr_npy_open(ctx, DATA("scalar.npy"), &npy));
  CHECK_OK(ctx, tr_npy_to_array(ctx, &npy, TR_F64, &a));
  CHECK(a->ndim == 1 && a->shape[0] == 1);
  tr_array_destroy(&a);
  tr_npy_close(&npy);
  CHECK_OK(ctx, tr_npy_open(ctx, DATA("f8.npy"), &npy));
  CHECK_ERROR(ctx, tr_npy_to_array(ctx, &npy, TR_I32, &a), TR_E_ARG, "32-bit");
  CHECK(a == NULL);
  tr_npy_close(&npy);
}

static void refused_types(tr_ctx *ctx) {
  static const struct {
    const char *file, *word;
  } cases[] = {{DATA("bad_bigendian.npy"), "'>f4'"}, {DATA("bad_complex.npy"), "'<c8'"},
               {DATA("bad_text.npy"), "'<U2'"},      {DATA("bad_struct.npy"), "malformed"},
               {DATA("bad_object.npy"), "'|O'"},     {DATA("bad_dims9.npy"), "at most 8"},
               {DATA("stored.npz"), "no .npy"},      {DATA("absent.npy"), "No such file"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tr_npy npy;
    CHECK_ERROR(ctx, tr_npy_open(ctx, cases[i].file, &npy), TR_E_IO, cases[i].word);
    CHECK(npy.data == NULL && npy.map.data == NULL);
  }
}

/* Parses a copy of exactly `size` bytes, so that AddressSanitizer sees any read past them. */
static tr_status parse_copy(tr_ctx *ctx, const void *bytes, size_t size) {
  unsigned char *copy = malloc(size ? size : 1);
  tr_npy npy;
  memcpy(copy, bytes, size);
  tr_status status = tr_npy_parse(ctx, "test", copy, size, &npy);
  tr_npy_close(&npy);
  free(copy);
  return status;
}

static void truncated(tr_ctx *ctx) {
  static const char *const files[] = {DATA("f8.npy"), DATA("v2.npy"), DATA("v3.npy"), DATA("fortran.npy")};
  for (int i = 0; i < 4; i++) {
    size_t size;
    unsigned char *whole = read_whole(files[i], &size);
    CHECK_OK(ctx, parse_copy(ctx, whole, size));
    for (size_t n = 0; n < size; n++) CHECK_ERROR(ctx, parse_copy(ctx, whole, n), TR_E_IO, NULL);
    unsigned char *longer = calloc(1, size + 1);
    memcpy(longer, whole, size);
    CHECK_ERROR(ctx, parse_copy(ctx, longer, size + 1), TR_E_IO, "longer than its shape");
    free(longer);
    free(whole);
  }
}

/* A version 1 file with this header text and 8 zero bytes of elements. */
static tr_status parse_header(tr_ctx *ctx, const char *text) {
  unsigned char file[600] = "\x93NUMPY\x01";
  size_t length = strlen(text);
  file[8] = (unsigned char)length, file[9] = (unsigned char)(length >> 8);
  memcpy(file + 10, text, length);
  return parse_copy(ctx, file, 10 + length + 8);
}

static void headers(tr_ctx *ctx) {
  static const char *const good[] = {
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }  \n",
      "{\"shape\":(1,1),\"fortran_order\":True,\"descr\":\"<f8\"}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': ( 1 , 2 , ) , }\n",
      "{'descr': '<f8', 'fortran_order': False, 'shape': ()}",
  };
  static const char *const bad[] = {
      "",
      "{}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), } x",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}",
      "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f8', 'fortran_order': False}",
      "{'descr': '<f8', 'shape': (1,)}",
      "{'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}",
      "{'descr': '<f8', 'fortran_order': False 'shape': (1,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': 1}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,,1)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (+1,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1.0,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1 1)}",
      "{'descr': '<f8\", 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f8\n', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (1,)}",
      "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}",
      "[{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}]",
  };
  static const char *const lying[] = {
      "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
      "{'descr': '<f8', 'fortran_order': True, 'shape': (2305843009213693952, 8)}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,)}",
      "{'descr': '<f8', 'fortran_order': True, 'shape': (9223372036854775807, 0, 3)}",
      "{'descr': '<f9', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '', 'fortran_order': False, 'shape': (1,)}",
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK_OK(ctx, parse_header(ctx, good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(ctx, parse_header(ctx, bad[i]), TR_E_IO, "malformed");
  for (size_t i = 0; i < sizeof lying / sizeof *lying; i++)
    CHECK_ERROR(ctx, parse_header(ctx, lying[i]), TR_E_IO, NULL);
  CHECK_ERROR(ctx, parse_copy(ctx, "\x93NUMPY\x04\0\0\0\0\0", 12), TR_E_IO, "version 4.0");
  CHECK_ERROR(ctx, parse_copy(ctx, "\x93NUMPY\x02\0\xff\xff\xff\xff", 12), TR_E_IO, "truncated");
}

/* Every single-byte change of a file is read or refused, never a fault. */
static void mutated(tr_ctx *ctx) {
  size_t size;
  int read = 0;
  unsigned char *bytes = read_whole(DATA("fortran.npy"), &size);
  for (size_t at = 0; at < 128; at++) {
    for (int flip = 1; flip < 256; flip += 2) {
      bytes[at] ^= (unsigned char)flip;
      read += parse_copy(ctx, bytes, size) == TR_OK;
      tr_ctx_clear(ctx);
      bytes[at] ^= (unsigned char)flip;
    }
  }
  CHECK(read > 0 && read < 128 * 128 / 50); /* blanks for blanks, little else */
  free(bytes);
}

static void round_trip(tr_ctx *ctx) {
  static const int64_t shape[8] = {2, 1, 3, 1, 1, 2, 1, 1};
  double values[12];
  for (int k = 0; k < 12; k++) values[k] = expected(TR_F64, k);
  for (int ndim = 0; ndim <= 8; ndim++) {
    tr_npy in, out;
    CHECK_OK(ctx, tr_npy_wrap(ctx, TR_F64, ndim, shape, values, &in));
    CHECK_OK(ctx, tr_npy_save(ctx, scratch("round.npy"), &in));
    CHECK_OK(ctx, tr_npy_open(ctx, scratch("round.npy"), &out));
    CHECK(out.ndim == ndim && out.count == in.count && out.dtype == TR_F64);
    CHECK(memcmp(out.shape, shape, (size_t)ndim * sizeof *shape) == 0);
    CHECK((size_t)((const unsigned char *)out.data - out.map.data) % 64 == 0);
    check_elements(&out);
    tr_npy_close(&out);
  }
  unlink(scratch("round.npy"));
}

/* What NumPy writes for the same array, byte for byte. */
static void as_numpy(tr_ctx *ctx) {
  tr_npy npy;
  size_t size, want_size;
  CHECK_OK(ctx, tr_npy_open(ctx, DATA("f4.npy"), &npy));
  CHECK_OK(ctx, tr_npy_save(ctx, scratch("same.npy"), &npy));
  unsigned char *got = read_whole(scratch("same.npy"), &size), *want = read_whole(DATA("f4.npy"), &want_size);
  CHECK(size == want_size && memcmp(got, want, size) == 0);
  free(got);
  free(want);
  tr_npy_close(&npy);
  unlink(scratch("same.npy"));
}

static void bad_shapes(tr_ctx *ctx) {
  tr_npy npy;
  CHECK_ERROR(ctx, tr_npy_wrap(ctx, TR_F32, 9, (int64_t[9]){0}, NULL, &npy), TR_E_SHAPE, "9 dimensions");
  CHECK_ERROR(ctx, tr_npy_wrap(ctx, TR_F32, -1, NULL, NULL, &npy), TR_E_SHAPE, "-1 dimensions");
  CHECK_ERROR(ctx, tr_npy_wrap(ctx, TR_F32, 2, (int64_t[]){2, -3}, NULL, &npy), TR_E_SHAPE, "-3");
  CHECK_ERROR(ctx, tr_npy_wrap(ctx, TR_F32, 2, (int64_t[]){INT64_MAX, 2}, NULL, &npy), TR_E_SHAPE,
              "overflows");
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  numpys_types(ctx);
  numpys_layouts(ctx);
  half_precision(ctx);
  integers(ctx);
  to_arrays(ctx);
  refused_types(ctx);
  truncated(ctx);
  headers(ctx);
  mutated(ctx);
  round_trip(ctx);
  as_numpy(ctx);
  bad_shapes(ctx);
  CHECK(scratch_entries() == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
