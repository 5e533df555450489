/* mma.sync and ldmatrix. Each lane lays down its registers and waits for the warp; the first to go on
 * computes for all. A lane may be one product ahead of another, no more: two tables in turn are enough. */
#include "tests/simt/engine/engine.h"

#include <simt_mma.h>

#define PLACE __builtin_return_address(0)

namespace simt {
namespace {
struct table {
  unsigned a[32][4], b[32][2];
  const void *row[32];
  float product[16][8];
  bool computed;
};
table tables[32][2]; /* of each warp */

table &lay_down() {
  table &t = tables[me->number / 32][me->turn++ & 1];
  t.computed = false;
  return t;
}

float bf16(unsigned pair, int high) {
  return __uint_as_float(high ? pair & 0xffff0000u : pair << 16);
}

/* Element (row, k) of A, and (k, column) of B: from which lane, which register, which half. */
float a_of(const table &t, int row, int k) {
  int g = row % 8, low = row / 8;
  return bf16(t.a[g * 4 + k % 8 / 2][low + k / 8 * 2], k % 2);
}
float b_of(const table &t, int k, int column) {
  return bf16(t.b[column * 4 + k % 8 / 2][k / 8], k % 2);
}

void compute(table &t, product what) {
  int deep = what == BF16_16X8X16 ? 16 : 8;
  float b[16][8];
  for (int k = 0; k < deep; k++)
    for (int j = 0; j < 8; j++) b[k][j] = b_of(t, k, j);
  for (int i = 0; i < 16; i++)
    for (int k = 0; k < deep; k++) {
      float a = a_of(t, i, k);
      for (int j = 0; j < 8; j++) t.product[i][j] += a * b[k][j];
    }
  t.computed = true;
}

/* Sums begin with c, so that they are those of one chain. */
float &c_of(table &t, int l, int i) {
  return t.product[l / 4 + i / 2 * 8][l % 4 * 2 + i % 2];
}
} // namespace

void multiply(float c[4], const unsigned *a, const unsigned *b, product what, const char *file, int line) {
  table &t = lay_down();
  int l = lane_number(), as = what == BF16_16X8X8 ? 2 : 4, bs = what == BF16_16X8X8 ? 1 : 2;
  memcpy(t.a[l], a, (size_t)as * 4), memcpy(t.b[l], b, (size_t)bs * 4);
  for (int i = 0; i < 4; i++) c_of(t, l, i) = c[i];
  wait(AT_WARP, ~0u, 0, file, line, PLACE);
  if (!t.computed) compute(t, what);
  for (int i = 0; i < 4; i++) c[i] = c_of(t, l, i);
}

void load_matrices(unsigned *r, const void *row, int n, bool turned, const char *file, int line) {
  table &t = lay_down();
  int l = lane_number(), g = l / 4, pair = l % 4 * 2;
  if (l < 8 * n) {
    if (space_of(row) != SHARED)
      fail(PLACE, cudaErrorIllegalAddress, "the row of a matrix at %p, which is no shared memory", row);
    if ((uintptr_t)row % 16)
      fail(PLACE, cudaErrorMisalignedAddress, "the row of a matrix at %p: not aligned to 16 bytes", row);
    touch(row, 16, READ, PLACE);
    t.row[l] = row;
  }
  wait(AT_WARP, ~0u, 0, file, line, PLACE);
  for (int i = 0; i < n; i++) {
    auto rows = (const uint16_t *const *)&t.row[i * 8];
    r[i] = turned ? rows[pair][g] | (unsigned)rows[pair + 1][g] << 16
                  : rows[g][pair] | (unsigned)rows[g][pair + 1] << 16;
  }
}
} // namespace simt
