/* Vector types, with the alignment that loads of 8 and 16 bytes need. */
#pragma once

#define SIMT_VECTORS(type, name, align2, align4)                                                             \
  struct name##1 {                                                                                           \
    type x;                                                                                                  \
  };                                                                                                         \
  struct alignas(align2) name##2 {                                                                           \
    type x, y;                                                                                               \
  };                                                                                                         \
  struct name##3 {                                                                                           \
    type x, y, z;                                                                                            \
  };                                                                                                         \
  struct alignas(align4) name##4 {                                                                           \
    type x, y, z, w;                                                                                         \
  };                                                                                                         \
  constexpr name##1 make_##name##1(type x) {                                                                 \
    return {x};                                                                                              \
  }                                                                                                          \
  constexpr name##2 make_##name##2(type x, type y) {                                                         \
    return {x, y};                                                                                           \
  }                                                                                                          \
  constexpr name##3 make_##name##3(type x, type y, type z) {                                                 \
    return {x, y, z};                                                                                        \
  }                                                                                                          \
  constexpr name##4 make_##name##4(type x, type y, type z, type w) {                                         \
    return {x, y, z, w};                                                                                     \
  }
SIMT_VECTORS(signed char, char, 2, 4)
SIMT_VECTORS(unsigned char, uchar, 2, 4)
SIMT_VECTORS(short, short, 4, 8)
SIMT_VECTORS(unsigned short, ushort, 4, 8)
SIMT_VECTORS(int, int, 8, 16)
SIMT_VECTORS(unsigned, uint, 8, 16)
SIMT_VECTORS(float, float, 8, 16)
#undef SIMT_VECTORS

/* Of 8-byte numbers only pairs: those of four have other names in CUDA 13. */
#define SIMT_PAIR(type, name)                                                                                \
  struct alignas(16) name {                                                                                  \
    type x, y;                                                                                               \
  };                                                                                                         \
  constexpr name make_##name(type x, type y) {                                                               \
    return {x, y};                                                                                           \
  }
SIMT_PAIR(double, double2)
SIMT_PAIR(long long, longlong2)
SIMT_PAIR(unsigned long long, ulonglong2)
#undef SIMT_PAIR

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};
