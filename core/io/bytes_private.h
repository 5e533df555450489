/* Little-endian integers out of untrusted bytes, and range checks that cannot overflow. */
#ifndef TR_CORE_IO_BYTES_PRIVATE_H
#define TR_CORE_IO_BYTES_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline uint16_t tr_le16(const unsigned char *p) {
  return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t tr_le32(const unsigned char *p) {
  return (uint32_t)tr_le16(p) | (uint32_t)tr_le16(p + 2) << 16;
}
static inline uint64_t tr_le64(const unsigned char *p) {
  return (uint64_t)tr_le32(p) | (uint64_t)tr_le32(p + 4) << 32;
}

/* Do `length` bytes from `offset` lie inside a block of `total` bytes? */
static inline bool tr_range_inside(uint64_t offset, uint64_t length, uint64_t total) {
  return offset <= total && length <= total - offset;
}

/* *out = a * b unless that overflows. */
static inline bool tr_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
  if (b != 0 && a > UINT64_MAX / b) return false;
  *out = a * b;
  return true;
}

#ifdef __cplusplus
}
#endif

#endif
