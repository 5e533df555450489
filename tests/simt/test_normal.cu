/* Normals of devices: how exact their logarithm, sine and cosine are, against long double, and that they are
 * within two units in the last place of those of every libm that is as good as the C library's. An argument
 * is the number of random pairs. */
#include <algorithm>
#include <climits>
#include <cmath>

#include "cuda/vec/normal_private.h"
#include "tests/simt/tested.h"

extern "C" {
#include "core/random.h"
}

/* What the C library says of its own, in units in the last place, and what ours may be off. */
static const double libm_log = 0.52, libm_factor = 0.55, own_log = 0.0025, own_factor = 0.0075;

static struct {
  double log, factor; /* the largest errors of ours */
  long pairs, apart, most, most_of_any;
} found;

static long double unit_of(long double exact) {
  return ldexpl(1, ilogbl(exact) - 52);
}

static double error_of(tr_twofold got, long double exact) {
  if (exact == 0) return got.high != 0 || got.low != 0;
  return (double)(fabsl((got.high - exact) + got.low) / unit_of(exact));
}

/* Doubles between the two, of one sign. */
static long between(double a, double b) {
  int64_t i, j;
  memcpy(&i, &a, sizeof i);
  memcpy(&j, &b, sizeof j);
  return (i < 0) != (j < 0) && a != b ? LONG_MAX : labs((long)(i - j));
}

/* What a libm may give whose error is at most so many units: one or two numbers. */
static std::vector<double> given(long double exact, double bound) {
  const double nearest = (double)exact;
  std::vector<double> all = {nearest};
  for (double side : {-INFINITY, INFINITY}) {
    const double other = nextafter(nearest, side);
    if (exact != 0 && fabsl(other - exact) <= bound * unit_of(exact)) all.push_back(other);
  }
  return all;
}

static void judge(double got, const std::vector<double> &logs, const std::vector<double> &factors) {
  for (double log : logs)
    for (double factor : factors)
      found.most_of_any = std::max(found.most_of_any, between(got, sqrt(-2 * log) * factor));
}

/* By the library of this machine, as core/random.c has it. */
static void compare(double got, double want) {
  found.pairs++;
  found.apart += got != want;
  found.most = std::max(found.most, between(got, want));
}

static void try_pair(double u, double v) {
  const double angle = 6.283185307179586477 * v;
  const long double exact_log = logl(u), exact[2] = {cosl(angle), sinl(angle)};
  tr_twofold factor[2];
  double got[2];
  tr_sin_cos(angle, &factor[1], &factor[0]);
  tr_box_muller(u, v, got);
  found.log = std::max(found.log, error_of(tr_log(u), exact_log));
  for (int i = 0; i < 2; i++) {
    found.factor = std::max(found.factor, error_of(factor[i], exact[i]));
    judge(got[i], given(exact_log, libm_log), given(exact[i], libm_factor));
  }
  const double radius = sqrt(-2 * log(u));
  compare(got[0], radius * cos(angle));
  compare(got[1], radius * sin(angle));
}

/* Of so many random pairs. */
static void at_random(long n) {
  const uint32_t key[2] = {5, 7};
  for (long i = 0; i < n; i++) {
    const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), 1, 2};
    uint32_t w[4];
    tr_philox4x32(counter, key, w);
    try_pair(tr_unit(w[0], w[1]) + 0x1p-53, tr_unit(w[2], w[3]));
  }
}

/* Multiples of 2^-53, as uniforms are. */
static void add_around(std::vector<double> *to, double at, double least, double most) {
  for (int k = -3; k <= 3; k++) {
    const double x = (floor(at * 0x1p53) + k) * 0x1p-53;
    if (x >= least && x <= most) to->push_back(x);
  }
}

/* The ends, where the logarithm changes its power of two, where the radius is one, and eighths of a turn. */
static void at_edges() {
  const double last = 1 - 0x1p-53;
  std::vector<double> u, v;
  for (int k = 0; k <= 53; k++) {
    add_around(&u, ldexp(1, -k), 0x1p-53, 1);
    add_around(&u, ldexp(sqrt(0.5), -k), 0x1p-53, 1);
    add_around(&v, ldexp(1, -k), 0, last);
  }
  for (double radius : {0.25, 0.5, 1., 2., 4.}) add_around(&u, exp(-radius * radius / 2), 0x1p-53, 1);
  for (int k = 0; k <= 8; k++) add_around(&v, k / 8., 0, last);
  for (double one : u)
    for (double other : v) try_pair(one, other);
}

static void report(const char *which) {
  printf("%s: log off by %.5f, sine and cosine by %.5f; %ld normals, %.4f %% not this libm's, %ld units from "
         "it, %ld from any\n",
         which, found.log, found.factor, found.pairs, 100. * (double)found.apart / (double)found.pairs,
         found.most, found.most_of_any);
  CHECK(found.log <= own_log && found.factor <= own_factor);
  CHECK(found.most <= 2 && found.most_of_any <= 2);
  found = {};
}

int main(int argc, char **argv) {
  at_edges();
  report("edges");
  at_random(argc > 1 ? atol(argv[1]) : 100000);
  report("at random");
  return check_report();
}
