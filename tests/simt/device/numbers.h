/* Mathematics and conversions that CUDA has beside those of <cmath>. What rounds otherwise than IEEE says
 * (__expf and its like) is left out on purpose. */
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

inline float rsqrtf(float v) {
  return 1 / sqrtf(v);
}
inline double rsqrt(double v) {
  return 1 / sqrt(v);
}
inline float rsqrt(float v) {
  return rsqrtf(v);
}
/* Of pi v, exact where v is a multiple of a half. */
inline void sincospi(double v, double *s, double *c) {
  double turn = v - 2 * nearbyint(v / 2), quarter = nearbyint(2 * turn), rest = (turn - quarter / 2) * M_PI;
  double si = sin(rest), co = cos(rest);
  int q = (int)quarter & 3;
  *s = q == 0 ? si : q == 1 ? co : q == 2 ? -si : -co;
  *c = q == 0 ? co : q == 1 ? -si : q == 2 ? -co : si;
}
inline void sincospif(float v, float *s, float *c) {
  double si, co;
  sincospi(v, &si, &co);
  *s = (float)si, *c = (float)co;
}
inline double sinpi(double v) {
  double s, c;
  return sincospi(v, &s, &c), s;
}
inline double cospi(double v) {
  double s, c;
  return sincospi(v, &s, &c), c;
}
inline float sinpif(float v) {
  return (float)sinpi(v);
}
inline float cospif(float v) {
  return (float)cospi(v);
}

#define SIMT_ROUNDED(prefix, type)                                                                           \
  inline type __##prefix##add_rn(type a, type b) {                                                           \
    return a + b;                                                                                            \
  }                                                                                                          \
  inline type __##prefix##sub_rn(type a, type b) {                                                           \
    return a - b;                                                                                            \
  }                                                                                                          \
  inline type __##prefix##mul_rn(type a, type b) {                                                           \
    return a * b;                                                                                            \
  }                                                                                                          \
  inline type __##prefix##div_rn(type a, type b) {                                                           \
    return a / b;                                                                                            \
  }                                                                                                          \
  inline type __##prefix##sqrt_rn(type a) {                                                                  \
    return std::sqrt(a);                                                                                     \
  }                                                                                                          \
  inline type __##prefix##rcp_rn(type a) {                                                                   \
    return 1 / a;                                                                                            \
  }
SIMT_ROUNDED(f, float)
SIMT_ROUNDED(d, double)
#undef SIMT_ROUNDED
inline float __fmaf_rn(float a, float b, float c) {
  return fmaf(a, b, c);
}
inline double __fma_rn(double a, double b, double c) {
  return fma(a, b, c);
}
inline float __saturatef(float v) {
  return v >= 0 ? fminf(v, 1) : 0;
}

#define SIMT_MINMAX(type)                                                                                    \
  inline type min(type a, type b) {                                                                          \
    return b < a ? b : a;                                                                                    \
  }                                                                                                          \
  inline type max(type a, type b) {                                                                          \
    return a < b ? b : a;                                                                                    \
  }
SIMT_MINMAX(int)
SIMT_MINMAX(unsigned)
SIMT_MINMAX(long)
SIMT_MINMAX(unsigned long)
SIMT_MINMAX(long long)
SIMT_MINMAX(unsigned long long)
#undef SIMT_MINMAX
inline float min(float a, float b) {
  return fminf(a, b);
}
inline float max(float a, float b) {
  return fmaxf(a, b);
}
inline double min(double a, double b) {
  return fmin(a, b);
}
inline double max(double a, double b) {
  return fmax(a, b);
}

#define SIMT_CAST(name, to, from)                                                                            \
  inline to name(from v) {                                                                                   \
    to r;                                                                                                    \
    static_assert(sizeof r == sizeof v, #name);                                                              \
    return memcpy(&r, &v, sizeof r), r;                                                                      \
  }
SIMT_CAST(__float_as_int, int, float)
SIMT_CAST(__int_as_float, float, int)
SIMT_CAST(__float_as_uint, unsigned, float)
SIMT_CAST(__uint_as_float, float, unsigned)
SIMT_CAST(__double_as_longlong, long long, double)
SIMT_CAST(__longlong_as_double, double, long long)
#undef SIMT_CAST
inline double __hiloint2double(int high, int low) {
  return __longlong_as_double((long long)((uint64_t)(uint32_t)high << 32 | (uint32_t)low));
}
inline int __double2hiint(double v) {
  return (int)(__double_as_longlong(v) >> 32);
}
inline int __double2loint(double v) {
  return (int)__double_as_longlong(v);
}
inline float __double2float_rn(double v) {
  return (float)v;
}
inline float __int2float_rn(int v) {
  return (float)v;
}
inline float __uint2float_rn(unsigned v) {
  return (float)v;
}
inline double __int2double_rn(int v) {
  return v;
}
inline double __uint2double_rn(unsigned v) {
  return v;
}
inline double __ull2double_rn(unsigned long long v) {
  return (double)v;
}
inline int __float2int_rn(float v) {
  return (int)lrintf(v);
}
inline int __double2int_rn(double v) {
  return (int)lrint(v);
}
inline long long __double2ll_rn(double v) {
  return llrint(v);
}

inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)((uint64_t)a * b >> 32);
}
inline int __mulhi(int a, int b) {
  return (int)((int64_t)a * b >> 32);
}
__extension__ typedef unsigned __int128 simt_uint128;
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((simt_uint128)a * b >> 64);
}
inline int __popc(unsigned v) {
  return __builtin_popcount(v);
}
inline int __popcll(unsigned long long v) {
  return __builtin_popcountll(v);
}
inline int __clz(int v) {
  return v ? __builtin_clz((unsigned)v) : 32;
}
inline int __clzll(long long v) {
  return v ? __builtin_clzll((unsigned long long)v) : 64;
}
inline int __ffs(int v) {
  return __builtin_ffs(v);
}
inline int __ffsll(long long v) {
  return __builtin_ffsll(v);
}
inline unsigned __brev(unsigned v) {
  unsigned r = 0;
  for (int i = 0; i < 32; i++) r = r << 1 | (v >> i & 1);
  return r;
}
