#include "core/dtype.h"

#include <math.h>
#include <string.h>

/* ---- the 16-bit floating types ---- */

static float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static float of_bf16(uint16_t bits) {
  return from_bits((uint32_t)bits << 16);
}

/* A normal one has the exponent's bias changed from 15 to 127; subnormals count units of 2^-24. */
static float of_f16(uint16_t bits) {
  uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023u;
  if (exponent == 0) return copysignf((float)fraction * 0x1p-24f, from_bits(sign));
  return from_bits(sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13);
}

/* Rounded once: where f32 falls on a tie of bf16, the double tells on which side of it the value is. */
static uint16_t to_bf16(double value) {
  float f = (float)value;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  if (isnan(f)) return (uint16_t)(bits >> 16 | 0x40u);
  if ((bits & 0xFFFFu) == 0x8000u && fabs(value) != fabs((double)f))
    bits += fabs(value) > fabs((double)f) ? 1u : -1u;
  return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/* In units of the last place, 2^-10 below the leading bit and never below 2^-24; a carry out of the fraction
 * raises the exponent by itself, up to infinity. */
static uint16_t to_f16(double value) {
  double magnitude = fabs(value);
  uint16_t sign = signbit(value) ? 0x8000 : 0;
  if (isnan(value)) return (uint16_t)(sign | 0x7E00);
  if (magnitude >= 65520) return (uint16_t)(sign | 0x7C00);
  int exponent = magnitude < 0x1p-14 ? -14 : ilogb(magnitude);
  uint32_t units = (uint32_t)rint(ldexp(magnitude, 10 - exponent));
  return (uint16_t)(sign | (((uint32_t)(exponent + 14) << 10) + units));
}

/* Whole numbers from low to below `end`, both exact as doubles. */
static bool whole(double value, double low, double end) {
  return value >= low && value < end && value == rint(value);
}

/* ---- the types ---- */

typedef enum { FLOATING, INTEGER, TRUTH } family;

/* Every type: its name; its family; what a value has to be; how it is stored; the number that a stored v
 * stands for; whether a double v can be stored; what is stored of it. */
#define TYPES(X)                                                                                             \
  X(TR_F32, "f32", FLOATING, "number", float, v, true, v)                                                    \
  X(TR_F64, "f64", FLOATING, "number", double, v, true, v)                                                   \
  X(TR_BF16, "bf16", FLOATING, "number", uint16_t, of_bf16(v), true, to_bf16(v))                             \
  X(TR_F16, "f16", FLOATING, "number", uint16_t, of_f16(v), true, to_f16(v))                                 \
  X(TR_I8, "i8", INTEGER, "8-bit integer", int8_t, v, whole(v, -0x1p7, 0x1p7), v)                            \
  X(TR_I16, "i16", INTEGER, "16-bit integer", int16_t, v, whole(v, -0x1p15, 0x1p15), v)                      \
  X(TR_I32, "i32", INTEGER, "32-bit integer", int32_t, v, whole(v, -0x1p31, 0x1p31), v)                      \
  X(TR_I64, "i64", INTEGER, "64-bit integer", int64_t, v, whole(v, -0x1p63, 0x1p63), v)                      \
  X(TR_U8, "u8", INTEGER, "8-bit integer without sign", uint8_t, v, whole(v, 0, 0x1p8), v)                   \
  X(TR_U16, "u16", INTEGER, "16-bit integer without sign", uint16_t, v, whole(v, 0, 0x1p16), v)              \
  X(TR_U32, "u32", INTEGER, "32-bit integer without sign", uint32_t, v, whole(v, 0, 0x1p32), v)              \
  X(TR_U64, "u64", INTEGER, "64-bit integer without sign", uint64_t, v, whole(v, 0, 0x1p64), v)              \
  X(TR_BOOL, "bool", TRUTH, "truth value, 0 or 1", uint8_t, v != 0, whole(v, 0, 2), v)

#define AS_ROW(dtype, name, family, kind, stored, read, fits, write)                                         \
  [dtype] = {name, kind, family, sizeof(stored)},

static const struct {
  const char *name, *kind;
  family family;
  size_t size;
} types[TR_N_DTYPES] = {TYPES(AS_ROW)};

static bool is_known(tr_dtype dtype) {
  return (unsigned)dtype < TR_N_DTYPES;
}

size_t tr_dtype_size(tr_dtype dtype) {
  return is_known(dtype) ? types[dtype].size : 0;
}

const char *tr_dtype_name(tr_dtype dtype) {
  return is_known(dtype) ? types[dtype].name : "?";
}

const char *tr_dtype_kind(tr_dtype dtype) {
  return is_known(dtype) ? types[dtype].kind : "?";
}

bool tr_dtype_is_float(tr_dtype dtype) {
  return is_known(dtype) && types[dtype].family == FLOATING;
}

bool tr_dtype_is_integer(tr_dtype dtype) {
  return is_known(dtype) && types[dtype].family == INTEGER;
}

/* ---- conversion ---- */

/* A loop for every type, through memcpy, as the elements of a file need not be aligned. */
#define AS_READING(dtype, name, family, kind, stored, read, fits, write)                                     \
  case dtype:                                                                                                \
    for (int64_t i = 0; i < n; i++) {                                                                        \
      stored v;                                                                                              \
      memcpy(&v, (const char *)in + (size_t)i * sizeof v, sizeof v);                                         \
      out[i] = (REAL)(read);                                                                                 \
    }                                                                                                        \
    break;

#define AS_WRITING(dtype, name, family, kind, stored, read, fits, write)                                     \
  case dtype:                                                                                                \
    for (int64_t i = 0; i < n; i++) {                                                                        \
      const double v = (double)in[i];                                                                        \
      if (!(fits)) return i;                                                                                 \
      const stored s = (stored)(write);                                                                      \
      memcpy((char *)out + (size_t)i * sizeof s, &s, sizeof s);                                              \
    }                                                                                                        \
    break;

#define REAL double
void tr_dtype_to_f64(tr_dtype dtype, int64_t n, const void *in, double *out) {
  if (!in || !out) return;
  switch (dtype) { TYPES(AS_READING) default:; }
}

int64_t tr_dtype_from_f64(tr_dtype dtype, int64_t n, const double *in, void *out) {
  if (!in || !out) return 0;
  switch (dtype) { TYPES(AS_WRITING) default:; }
  return n;
}
#undef REAL

#define REAL float
void tr_dtype_to_f32(tr_dtype dtype, int64_t n, const void *in, float *out) {
  if (!in || !out) return;
  switch (dtype) { TYPES(AS_READING) default:; }
}

int64_t tr_dtype_from_f32(tr_dtype dtype, int64_t n, const float *in, void *out) {
  if (!in || !out) return 0;
  switch (dtype) { TYPES(AS_WRITING) default:; }
  return n;
}
