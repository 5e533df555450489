/* Whether a time grid beats uniform, in simulation: a grid that noise alone made better is refused, and one
 * that is better is found. */
#include <stdlib.h>

#include "core/random.h"
#include "experiments/tune/grid.h"
#include "tests/support/check.h"

enum { GRIDS = 18, SEEDS = 4, TRIALS = 2000 };

typedef struct {
  tune_candidate c[GRIDS];
  double errors[GRIDS][SEEDS];
} field;

static double normal(uint64_t trial, int number) {
  tr_random_address address = {.seed = trial, .purpose = TR_RANDOM_TEST};
  double z[2];
  tr_random_normal_pair(&address, 0, (uint32_t)number, z);
  return z[0];
}

static double root_mean_square(const double *v, int n) {
  double square = 0;
  for (int i = 0; i < n; i++) square += v[i] * v[i] / n;
  return sqrt(square);
}

/* Errors of `n` grids, whose logarithms are those of the seed (the same for all grids, and large), the grid's
 * gain (of all but uniform), and noise. */
static void draw(field *f, uint64_t trial, int n, double gain, double noise) {
  for (int g = 0; g < n; g++) {
    tune_candidate *c = &f->c[g];
    *c = (tune_candidate){.errors = f->errors[g]};
    for (int s = 0; s < SEEDS; s++)
      c->errors[s] = exp(normal(trial, s) + noise * normal(trial, 100 + g * 10 + s) - (g ? gain : 0));
    c->held = root_mean_square(c->errors, SEEDS);
    c->pilot = exp(noise * normal(trial, 1000 + g) - (g ? gain : 0));
  }
}

/* The share of trials in which some grid was chosen. */
static double chosen(tr_ctx *ctx, int n, double gain, double noise) {
  field f;
  int found = 0;
  for (int trial = 0; trial < TRIALS; trial++) {
    int best;
    draw(&f, (uint64_t)trial, n, gain, noise);
    CHECK_OK(ctx, tune_judge(ctx, f.c, n, SEEDS, &best));
    CHECK(best >= 0 && best < n && (best == 0 || (f.c[best].beats && f.c[best].ln_ratio.high < 0)));
    found += best > 0;
  }
  return (double)found / TRIALS;
}

/* The share of trials in which an interval of its own would have chosen one: why there is a wider one. */
static double alone(tr_ctx *ctx, int n, double noise) {
  field f;
  int found = 0;
  for (int trial = 0; trial < TRIALS; trial++) {
    int best, any = 0;
    draw(&f, (uint64_t)trial, n, 0, noise);
    CHECK_OK(ctx, tune_judge(ctx, f.c, n, SEEDS, &best));
    for (int g = 1; g < n; g++) any |= f.c[g].pilot < f.c[0].pilot && f.c[g].ln_ratio.high < 0;
    found += any;
  }
  return (double)found / TRIALS;
}

/* Noise alone: one rival is written in 1.25 % of the cases (2.5 % of one side, half of these pilots), the
 * best of many in less than 5 %. */
static void noise_alone(tr_ctx *ctx) {
  double one = chosen(ctx, 2, 0, 0.3), many = chosen(ctx, GRIDS, 0, 0.3),
         little = chosen(ctx, GRIDS, 0, 1e-6);
  printf("written by noise alone: %.4f of one rival, %.4f of %d, %.4f\n", one, many, GRIDS - 1, little);
  printf("by an interval of its own: %.4f of %d\n", alone(ctx, GRIDS, 0.3), GRIDS - 1);
  CHECK(one < 0.02 && many < 0.05 && little < 0.05);
  CHECK(chosen(ctx, 2, 0, 0.3) > 0.005); /* and not never */
}

/* A gain of a third is found where the noise is small, and lost where it is not. */
static void gain(tr_ctx *ctx) {
  double clear = chosen(ctx, GRIDS, 0.4, 0.02), lost = chosen(ctx, GRIDS, 0.4, 2);
  printf("a gain of a third: found in %.3f, under much noise in %.3f\n", clear, lost);
  CHECK(clear > 0.99 && lost < 0.3);
}

/* Better on one kind of seeds only, an infinite error, an error of 0: not chosen. The best of several is. */
static void cases(tr_ctx *ctx) {
  field f;
  int best;
  draw(&f, 1, 3, 0, 0);
  f.c[1].pilot = 0.5; /* equal on the seeds held out */
  f.c[2].pilot = 2;
  for (int s = 0; s < SEEDS; s++) f.errors[2][s] *= 0.5 + 0.01 * s;
  CHECK_OK(ctx, tune_judge(ctx, f.c, 3, SEEDS, &best));
  CHECK(best == 0 && !f.c[1].beats && !f.c[2].beats && f.c[2].ln_ratio.high < 0);
  f.c[2].pilot = 0.5;
  f.c[2].held = 0.5 * f.c[0].held;
  CHECK_OK(ctx, tune_judge(ctx, f.c, 3, SEEDS, &best));
  CHECK(best == 2 && f.c[2].beats && !f.c[1].beats);
  f.errors[2][1] = INFINITY;
  CHECK_OK(ctx, tune_judge(ctx, f.c, 3, SEEDS, &best));
  CHECK(best == 0 && f.c[2].ln_ratio.n == 0);
  f.errors[2][1] = 0;
  CHECK_OK(ctx, tune_judge(ctx, f.c, 3, SEEDS, &best));
  CHECK(best == 0 && f.c[2].ln_ratio.n == 0);
  draw(&f, 2, 3, 0.7, 0.001);
  f.c[1].held = 0.1, f.c[2].held = 0.2;
  CHECK_OK(ctx, tune_judge(ctx, f.c, 3, SEEDS, &best));
  CHECK(best == 1);
  f.errors[0][0] = INFINITY; /* of uniform: the largest there is */
  CHECK_OK(ctx, tune_judge(ctx, f.c, 3, SEEDS, &best));
  CHECK(f.c[1].ln_ratio.n == SEEDS);
}

/* Steps that grow, or shrink, too fast are bounded from both sides; others stay as they are. */
static void steps(void) {
  double calm[] = {1, 2, 1, 0.5}, grow[] = {1, 10, 10, 10}, shrink[] = {10, 10, 1, 1},
         peak[] = {1, 1, 100, 1, 1};
  tune_bound_steps(4, calm);
  CHECK(calm[0] == 1 && calm[1] == 2 && calm[2] == 1 && calm[3] == 0.5);
  tune_bound_steps(4, grow); /* 1 2 4 8, stretched from 15 to 31 */
  for (int i = 0; i < 4; i++) CHECK_NEAR(grow[i], (1 << i) * 31.0 / 15, 1e-14);
  tune_bound_steps(4, shrink); /* 4 2 1 1, from 8 to 22 */
  CHECK_NEAR(shrink[0], 11, 1e-14);
  CHECK_NEAR(shrink[1], 5.5, 1e-14);
  CHECK_NEAR(shrink[3], 2.75, 1e-14);
  tune_bound_steps(5, peak); /* 1 1 2 1 1, from 6 to 104 */
  CHECK_NEAR(peak[2], 2 * 104.0 / 6, 1e-13);
  CHECK_NEAR(peak[1], 104.0 / 6, 1e-13);
}

int main(void) {
  tr_ctx *ctx;
  CHECK(tr_ctx_open("cpu", 0, &ctx, NULL) == TR_OK);
  noise_alone(ctx);
  gain(ctx);
  cases(ctx);
  steps();
  tr_ctx_close(&ctx);
  return check_report();
}
