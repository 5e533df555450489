/* Averages by a power of the step, kept and made afterwards: moments of the profiles, the paper's numbers,
 * means kept step by step; fits whose error falls with the number of snapshots, of what is there already, and
 * of what no snapshot can give; files of a training, summed, against the average that was kept. */
#include <stdlib.h>

#include "nets/train/post_hoc.h"
#include "nets/train/state.h"
#include "tests/support/check.h"
#include "tests/support/nets/networks.h"
#include "tests/support/nets/trainings.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/scratch.h"

static double gamma_of(tr_ctx *ctx, double sigma_rel) {
  double gamma = NAN;
  CHECK_OK(ctx, tr_power_gamma(ctx, sigma_rel, &gamma));
  return gamma;
}

/* ---- profiles ---- */

static void widths(tr_ctx *ctx) {
  const double some[] = {TR_SIGMA_REL_LEAST, 0.005, 0.05, 0.1, 0.25, TR_SIGMA_REL_MOST};
  double gamma;
  for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
    const double s = some[i], g = gamma_of(ctx, s), t = 1 / (s * s);
    CHECK_NEAR(tr_power_sigma_rel(g), s, 1e-14 * s);
    /* the paper's algorithm 2: a root of this cubic */
    CHECK_NEAR(g * g * g + 7 * g * g + (16 - t) * g + (12 - t), 0, 1e-12 * (t * (g + 1) + 12));
  }
  CHECK_NEAR(gamma_of(ctx, 0.05), 16.97, 0.005); /* section 3.2 */
  CHECK_NEAR(gamma_of(ctx, 0.10), 6.94, 0.005);
  CHECK_NEAR(gamma_of(ctx, TR_SIGMA_REL_MOST), 0, 1e-7);
  CHECK(isnan(tr_power_sigma_rel(-1)));
  for (int i = 0; i < 4; i++)
    CHECK_ERROR(ctx, tr_power_gamma(ctx, (const double[]){0, 0.3, NAN, -0.1}[i], &gamma), TR_E_ARG,
                "relative width");
}

/* Products with the profiles of gamma 0, 1 and 2 are the first moments. */
static void moments(tr_ctx *ctx) {
  const double end = 700;
  const tr_power_profile flat = {end, 0}, rising = {end, 1}, square = {end, 2}, longer = {2 * end, 0};
  for (int i = 1; i <= 4; i++) {
    const tr_power_profile p = {end, gamma_of(ctx, 0.06 * i)};
    const double mass = end * tr_power_dot(&p, &flat), mean = end / 2 * tr_power_dot(&p, &rising),
                 second = end / 3 * tr_power_dot(&square, &p);
    CHECK_NEAR(mass, 1, 1e-13);
    CHECK_NEAR(mean, (p.gamma + 1) / (p.gamma + 2), 1e-13);
    CHECK_NEAR(sqrt(second - mean * mean), 0.06 * i, 1e-12);
    CHECK_NEAR(tr_power_dot(&p, &longer), 1 / (2 * end), 1e-15);
  }
  CHECK(isnan(tr_power_dot(&flat, &(tr_power_profile){0, 1})) && isnan(tr_power_dot(NULL, &flat)));
}

/* Step s counts as the integral of the profile from s - 1 to s. */
static void keeping(tr_ctx *ctx) {
  const double gamma = gamma_of(ctx, 0.1);
  enum { LAST = 50 };
  double average = 1e9, want = 0; /* the first step forgets what was before */
  for (int s = 1; s <= LAST; s++) {
    const double keep = tr_power_keep(gamma, s), p = cos(s);
    average = keep * average + (1 - keep) * p;
    want += (pow(s / (double)LAST, gamma + 1) - pow((s - 1) / (double)LAST, gamma + 1)) * p;
  }
  CHECK_NEAR(average, want, 1e-13);
  CHECK(tr_power_keep(gamma, 1) == 0 && isnan(tr_power_keep(gamma, 0)));
  CHECK_NEAR(tr_power_keep(gamma, 1000000000), 1 - (gamma + 1) * 1e-9, 1e-16);
}

/* ---- fits ---- */

enum { STEPS = 1024, MOST = 256 };

/* The averages of a parameter on a known path. */
static double average_at(double gamma, int end) {
  double average = 0;
  for (int s = 1; s <= end; s++) {
    const double keep = tr_power_keep(gamma, s), x = (double)s / STEPS;
    average = keep * average + (1 - keep) * (sin(5 * x) + exp(-3 * x));
  }
  return average;
}

typedef struct {
  int n;
  tr_snapshot snapshots[MOST];
  double values[MOST], weights[MOST];
  tr_post_hoc_fit fit;
} series;

/* Snapshots of two widths, `each` apart. */
static void take_series(tr_ctx *ctx, int each, series *out) {
  out->n = 0;
  for (int end = each; end <= STEPS; end += each)
    for (int i = 0; i < 2; i++) {
      const double gamma = gamma_of(ctx, i ? 0.1 : 0.05);
      out->snapshots[out->n].profile = (tr_power_profile){end, gamma};
      out->values[out->n++] = average_at(gamma, end);
    }
}

static double made(tr_ctx *ctx, series *s, double step, double sigma_rel) {
  const tr_power_profile want = {step, gamma_of(ctx, sigma_rel)};
  double sum = 0, mass = 0, size = 0;
  int used = 0;
  CHECK_OK(ctx, tr_post_hoc_weights(ctx, s->n, s->snapshots, &want, s->weights, &s->fit));
  for (int i = 0; i < s->n; i++) {
    sum += s->weights[i] * s->values[i];
    mass += s->weights[i];
    size += fabs(s->weights[i]);
    used += s->weights[i] != 0;
    if (s->snapshots[i].profile.step > step) CHECK(s->weights[i] == 0);
  }
  CHECK_NEAR(mass, 1, 1e-10);
  CHECK_NEAR(s->fit.size, size, 1e-12 * size);
  CHECK(s->fit.used == used);
  return sum;
}

/* |f - fit| / |f| by the trapezium rule, the profiles being 0 behind their ends. */
static double residual_of(const series *s, const tr_power_profile *want) {
  const int points = 400000;
  double off = 0, whole = 0;
  for (int k = 1; k < points; k++) {
    const double t = want->step * k / points;
    double f = (want->gamma + 1) * pow(t / want->step, want->gamma) / want->step, fit = 0;
    for (int i = 0; i < s->n; i++) {
      const tr_power_profile *p = &s->snapshots[i].profile;
      if (t <= p->step && s->weights[i] != 0)
        fit += s->weights[i] * (p->gamma + 1) * pow(t / p->step, p->gamma) / p->step;
    }
    off += (f - fit) * (f - fit);
    whole += f * f;
  }
  return sqrt(off / whole);
}

static void more_snapshots(tr_ctx *ctx) {
  static series s;
  const double widths[] = {0.03, 0.07, 0.15, 0.2};
  for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
    double want = average_at(gamma_of(ctx, widths[k]), STEPS), before = INFINITY, fit_before = INFINITY,
           off = 0;
    for (int each = 128; each >= 8; each /= 4) {
      take_series(ctx, each, &s);
      off = fabs(made(ctx, &s, STEPS, widths[k]) - want);
      CHECK(off < before || off < 1e-9);
      CHECK(s.fit.residual < fit_before && s.fit.residual > 0);
      before = off, fit_before = s.fit.residual;
    }
    CHECK_NEAR(off, 0, 1e-4);
    CHECK(s.fit.residual < 0.05);
  }
}

/* How many it takes (docs/training.md). */
static void enough(tr_ctx *ctx) {
  static series s;
  const double widths[] = {0.02, 0.03, 0.07, 0.15, 0.25};
  take_series(ctx, STEPS / 32, &s);
  for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
    made(ctx, &s, STEPS, widths[k]);
    CHECK(s.fit.residual < 0.045);
  }
  made(ctx, &s, STEPS, 0.01);
  CHECK(s.fit.residual > 0.1);
  take_series(ctx, STEPS / 64, &s);
  made(ctx, &s, STEPS, 0.01);
  CHECK(s.fit.residual < 0.1);
}

static void residuals(tr_ctx *ctx) {
  static series s;
  take_series(ctx, 256, &s);
  for (int i = 0; i < 2; i++) {
    const tr_power_profile want = {STEPS - 100 * i, gamma_of(ctx, 0.08)};
    made(ctx, &s, want.step, 0.08);
    CHECK(s.fit.residual > 0.01);
    CHECK_NEAR(residual_of(&s, &want), s.fit.residual, 1e-3);
  }
}

/* No weights that sum to 1 do better: moving some of one to another makes it worse. */
static void is_best(tr_ctx *ctx) {
  static series s;
  take_series(ctx, 256, &s);
  const tr_power_profile want = {STEPS, gamma_of(ctx, 0.15)};
  made(ctx, &s, STEPS, 0.15);
  const double best = residual_of(&s, &want);
  for (int i = 0; i + 1 < s.n; i++)
    for (int sign = -1; sign <= 1; sign += 2) {
      s.weights[i] += 0.02 * sign, s.weights[i + 1] -= 0.02 * sign;
      CHECK(residual_of(&s, &want) > best);
      s.weights[i] -= 0.02 * sign, s.weights[i + 1] += 0.02 * sign;
    }
}

static void what_is_there(tr_ctx *ctx) {
  static series s;
  take_series(ctx, 64, &s);
  for (int i = 0; i < s.n; i += 5) {
    const tr_power_profile *p = &s.snapshots[i].profile;
    made(ctx, &s, p->step, i % 2 ? 0.1 : 0.05);
    for (int k = 0; k < s.n; k++) CHECK(s.weights[k] == (k == i));
    CHECK(s.fit.residual == 0 && s.fit.used == 1);
    made(ctx, &s, p->step, (i % 2 ? 0.1 : 0.05) * (1 + 1e-9)); /* by the fit */
    for (int k = 0; k < s.n; k++) CHECK_NEAR(s.weights[k], k == i, 1e-5);
    CHECK(s.fit.residual < 1e-7);
  }
  /* the same file twice: one of them is left out */
  s.snapshots[1] = s.snapshots[0];
  s.n = 2;
  made(ctx, &s, s.snapshots[0].profile.step, 0.05);
  CHECK(s.fit.used == 1 && s.fit.residual < 1e-7);
}

static void beyond(tr_ctx *ctx) {
  static series s;
  take_series(ctx, 128, &s);
  made(ctx, &s, STEPS, 0.01); /* narrower than the gaps */
  CHECK(s.fit.residual > 0.3);
  made(ctx, &s, 128 + 64, 0.05); /* between the first two */
  CHECK(s.fit.residual > 0.3);
  const tr_power_profile early = {64, 1}, bad = {64, -1};
  CHECK_ERROR(ctx, tr_post_hoc_weights(ctx, s.n, s.snapshots, &early, s.weights, &s.fit), TR_E_ARG,
              "no snapshot ends at step 64");
  CHECK_ERROR(ctx, tr_post_hoc_weights(ctx, s.n, s.snapshots, &bad, s.weights, &s.fit), TR_E_ARG, "gamma -1");
  CHECK_ERROR(ctx, tr_post_hoc_weights(ctx, 0, s.snapshots, &early, s.weights, &s.fit), TR_E_ARG,
              "0 snapshots");
  s.snapshots[3].profile.step = NAN;
  CHECK_ERROR(ctx, tr_post_hoc_weights(ctx, s.n, s.snapshots, &early, s.weights, &s.fit), TR_E_ARG,
              "step nan");
}

/* ---- files ---- */

enum { TRAINED = 96, EACH = 6 };
static const double kept[3] = {0.05, 0.2, 0.1}; /* of the first two there are snapshots */

static training new_training(tr_ctx *ctx, int hidden) {
  tr_trainer_options o = training_options(ctx);
  o.schedule.rate = 0.01;
  o.n_averages = 3;
  for (int i = 0; i < 3; i++) o.sigma_rel[i] = kept[i];
  return training_open(ctx, hidden, 1, &o);
}

typedef struct {
  int n;
  char path[2 * TRAINED / EACH][300];
  tr_snapshot snapshots[2 * TRAINED / EACH];
} folder;

static void write_snapshots(tr_ctx *ctx, tr_trainer *trainer, int k, folder *f) {
  static const tr_saved_arg args[] = {{.name = "path_type", .kind = TR_SAVED_TEXT, .text = "Linear"}};
  char name[64];
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%d-%d.safetensors", k, i);
    snprintf(f->path[f->n], sizeof f->path[f->n], "%s", scratch(name));
    CHECK_OK(ctx, tr_trainer_export(trainer, i, f->path[f->n], 1, args));
    CHECK_OK(ctx, tr_snapshot_open(ctx, f->path[f->n], &f->snapshots[f->n]));
    CHECK(f->snapshots[f->n].profile.step == k);
    CHECK(f->snapshots[f->n].profile.gamma == tr_trainer_gamma(trainer, i));
    f->n++;
  }
}

/* Numbers of an arena in the order of a list's entries. */
static double *in_order(const tr_params *params, const tr_params *of, const tr_array *arena, int64_t *n) {
  double *out = malloc((size_t)arena->count * sizeof *out);
  *n = 0;
  for (int i = 0; i < tr_params_n(params); i++) {
    tr_array part = tr_params_at(of, arena, tr_params_find(of, tr_params_entry(params, i)->name));
    double *numbers = values(&part);
    memcpy(out + *n, numbers, (size_t)part.count * sizeof *out);
    *n += part.count;
    free(numbers);
  }
  return out;
}

static double distance(const tr_params *result, tr_net *net, const tr_array *arena) {
  int64_t n;
  double *got = in_order(result, result, tr_params_values(result), &n),
         *want = in_order(result, tr_net_params(net), arena, &n);
  const double off = check_relative(got, want, n);
  free(got), free(want);
  return off;
}

static void files(tr_ctx *ctx) {
  static folder f;
  training narrow = new_training(ctx, 8), wide = new_training(ctx, 12);
  tr_trainer *trainer = narrow.trainer;
  tr_net *net = narrow.net;
  double weights[2 * TRAINED / EACH];
  tr_post_hoc_fit fit;
  tr_params *result;
  for (int k = 1; k <= TRAINED; k++) {
    training_step(ctx, &narrow, k);
    if (k % EACH == 0) write_snapshots(ctx, trainer, k, &f);
  }
  const tr_power_profile want = {TRAINED, tr_trainer_gamma(trainer, 2)},
                         last = {TRAINED, tr_trainer_gamma(trainer, 0)};
  CHECK_OK(ctx, tr_post_hoc_weights(ctx, f.n, f.snapshots, &want, weights, &fit));
  CHECK_OK(ctx, tr_post_hoc_sum(ctx, f.n, f.snapshots, weights, &result));
  const double off = distance(result, net, tr_trainer_average(trainer, 2)),
               others = distance(result, net, tr_trainer_average(trainer, 0));
  CHECK(off < 2e-3 && others > 20 * off);
  CHECK(tr_params_values(result)->dtype == TR_F32);
  tr_params_destroy(&result);
  /* the last file is itself to the rounding of what it is made of */
  CHECK_OK(ctx, tr_post_hoc_weights(ctx, f.n, f.snapshots, &last, weights, &fit));
  CHECK_OK(ctx, tr_post_hoc_sum(ctx, f.n, f.snapshots, weights, &result));
  CHECK(distance(result, net, tr_trainer_average(trainer, 0)) < 1e-6);
  tr_params_destroy(&result);
  /* one file of weight 1 gives its bits */
  memset(weights, 0, sizeof weights);
  weights[f.n - 2] = 1;
  CHECK_OK(ctx, tr_post_hoc_sum(ctx, f.n, f.snapshots, weights, &result));
  CHECK(distance(result, net, tr_trainer_average(trainer, 0)) == 0);
  tr_params_destroy(&result);

  /* refused */
  training_step(ctx, &wide, 1);
  CHECK_OK(ctx, tr_trainer_export(wide.trainer, 0, f.path[0], 0, NULL));
  weights[0] = 1;
  CHECK_ERROR(ctx, tr_post_hoc_sum(ctx, f.n, f.snapshots, weights, &result), TR_E_SHAPE,
              "has another shape of");
  CHECK(!result);
  CHECK_OK(ctx, tr_trainer_export(wide.trainer, -1, f.path[0], 0, NULL));
  tr_snapshot none;
  CHECK_ERROR(ctx, tr_snapshot_open(ctx, f.path[0], &none), TR_E_IO, "ema_step is missing");
  memset(weights, 0, sizeof weights);
  CHECK_ERROR(ctx, tr_post_hoc_sum(ctx, f.n, f.snapshots, weights, &result), TR_E_ARG, "all 0");
  weights[1] = NAN;
  CHECK_ERROR(ctx, tr_post_hoc_sum(ctx, f.n, f.snapshots, weights, &result), TR_E_ARG, "weight nan");
  training_close(&narrow);
  training_close(&wide);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, networks_register(ctx));
  widths(ctx);
  moments(ctx);
  keeping(ctx);
  more_snapshots(ctx);
  enough(ctx);
  residuals(ctx);
  is_best(ctx);
  what_is_there(ctx);
  beyond(ctx);
  files(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
