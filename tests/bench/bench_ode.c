/* Network evaluations that ODE methods need on the digits checkpoint, beside torchdiffeq's dopri5
 * (tests/support/nets/digits.h): tab-separated tables. Counts do not depend on the machine's speed.
 *   bench_ode [--methods NAME,NAME...] [--seeds N] [--threads N] [--runs]
 * First table: evaluations for an error, the cheapest run of a ladder of four tolerances rtol = atol per
 * decade that attains it, and their ratio to dopri5's (medians over the starting states, and the worst
 * ratio). Second: one run at the default tolerances. --runs prints every run before them. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/register.h"
#include "tests/support/nets/digits.h"
#include "tests/support/seconds.h"

enum { LADDER = 25, MAX_METHODS = 8, FAILED = -1 };
static const double guidances[] = {1, 4};
static const double errors[] = {1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5};
static const double default_rtol = 1e-3, default_atol = 1e-6;

typedef struct {
  const char *methods[MAX_METHODS];
  int n_methods, seeds, threads;
  bool print_runs;
} options;

typedef struct {
  const tr_ode_method *method;
  double guidance;
  digits_run runs[DIGITS_SEEDS * (LADDER + 1)];
  int n;
} campaign;

static tr_status run_campaign(tr_ctx *ctx, const options *o, campaign *c) {
  digits problem;
  tr_status status = digits_open(ctx, c->guidance, &problem);
  for (int seed = 0; seed < o->seeds; seed++)
    for (int i = 0; i <= LADDER && status == TR_OK; i++) {
      double tolerance = pow(10, -1 - i / 4.0);
      digits_run *run = &c->runs[c->n++];
      *run = (digits_run){.seed = seed, .rtol = tolerance, .atol = tolerance};
      if (i == LADDER) run->rtol = default_rtol, run->atol = default_atol;
      status = digits_solve(&problem, c->method, run);
      if (status == TR_OK && o->print_runs)
        printf("%s\t%g\t%d\t%.3g\t%.3g\t%ld\t%.3e\n", c->method->info.name, c->guidance, seed, run->rtol,
               run->atol, run->nfe, run->error);
    }
  digits_close(&problem);
  return status;
}

static void print_needed(const campaign *c, int seeds, const digits_run *dopri5, int n_dopri5) {
  for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
    double ours[DIGITS_SEEDS], theirs[DIGITS_SEEDS], ratio[DIGITS_SEEDS];
    bool attained = true;
    for (int seed = 0; seed < seeds; seed++) {
      ours[seed] = (double)digits_needed(c->runs, c->n, c->guidance, seed, errors[e]);
      theirs[seed] = (double)digits_needed(dopri5, n_dopri5, c->guidance, seed, errors[e]);
      ratio[seed] = ours[seed] / theirs[seed];
      attained = attained && ours[seed] > 0 && theirs[seed] > 0;
    }
    printf("%s\t%g\t%g\t", c->method->info.name, c->guidance, errors[e]);
    if (attained) {
      double middle = median(ratio, seeds), worst = ratio[seeds - 1];
      printf("%g\t%g\t%.2f\t%.2f\n", median(ours, seeds), median(theirs, seeds), middle, worst);
    } else
      printf("-\t-\t-\t-\n");
  }
}

static void print_default(const campaign *c, int seeds, const digits_run *dopri5, int n_dopri5) {
  for (int seed = 0; seed < seeds; seed++) {
    const digits_run *ours = digits_find(c->runs, c->n, c->guidance, seed, default_rtol, default_atol);
    const digits_run *theirs = digits_find(dopri5, n_dopri5, c->guidance, seed, default_rtol, default_atol);
    if (ours && theirs)
      printf("%s\t%g\t%d\t%ld\t%ld\t%.2e\t%.2e\n", c->method->info.name, c->guidance, seed, ours->nfe,
             theirs->nfe, ours->error, theirs->error);
  }
}

static tr_status bench(tr_ctx *ctx, const options *o) {
  static campaign campaigns[MAX_METHODS * 2];
  static digits_run dopri5[DIGITS_RUNS];
  int n = 0, n_dopri5;
  TR_TRY(tr_register_all(ctx));
  TR_TRY(tr_ctx_set_threads(ctx, o->threads));
  digits_dopri5(dopri5, DIGITS_RUNS, &n_dopri5);
  if (n_dopri5 == 0) return TR_FAIL(ctx, TR_E_IO, "no runs of dopri5 in %s", TR_TEST_DATA);
  if (o->print_runs) puts("method\tguidance\tseed\trtol\tatol\tnfe\terror");
  for (int m = 0; m < o->n_methods; m++)
    for (size_t g = 0; g < sizeof guidances / sizeof *guidances; g++) {
      campaign *c = &campaigns[n++];
      c->guidance = guidances[g];
      TR_TRY(tr_find(ctx, TR_KIND_ODE_METHOD, o->methods[m], (const tr_module **)&c->method));
      TR_TRY(run_campaign(ctx, o, c));
    }
  if (o->print_runs) puts("");
  puts("method\tguidance\terror\tnfe\tdopri5_nfe\tratio\tworst_ratio");
  for (int i = 0; i < n; i++) print_needed(&campaigns[i], o->seeds, dopri5, n_dopri5);
  puts("\nmethod\tguidance\tseed\tnfe\tdopri5_nfe\terror\tdopri5_error");
  for (int i = 0; i < n; i++) print_default(&campaigns[i], o->seeds, dopri5, n_dopri5);
  return TR_OK;
}

static void split_methods(char *list, options *o) {
  o->n_methods = 0;
  for (char *save, *name = strtok_r(list, ",", &save); name && o->n_methods < MAX_METHODS;
       name = strtok_r(NULL, ",", &save))
    o->methods[o->n_methods++] = name;
}

static bool parse(int argc, char **argv, options *o) {
  static const struct option known[] = {{"methods", required_argument, NULL, 'm'},
                                        {"seeds", required_argument, NULL, 's'},
                                        {"threads", required_argument, NULL, 't'},
                                        {"runs", no_argument, NULL, 'r'},
                                        {NULL, 0, NULL, 0}};
  for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (c == 'm')
      split_methods(optarg, o);
    else if (c == 's')
      o->seeds = atoi(optarg);
    else if (c == 't')
      o->threads = atoi(optarg);
    else if (c == 'r')
      o->print_runs = true;
    else
      return false;
  }
  return optind == argc && o->n_methods > 0 && o->seeds >= 1 && o->seeds <= DIGITS_SEEDS && o->threads >= 1;
}

int main(int argc, char **argv) {
  options o = {.methods = {"cvode-adams"}, .n_methods = 1, .seeds = DIGITS_SEEDS, .threads = 1};
  if (!parse(argc, argv, &o)) {
    fprintf(stderr, "usage: bench_ode [--methods NAME,NAME...] [--seeds 1..%d] [--threads N] [--runs]\n",
            DIGITS_SEEDS);
    return 2;
  }
  tr_error error;
  tr_ctx *ctx;
  if (tr_ctx_open("cpu", 0, &ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_ode: %s\n", error.message);
    return 1;
  }
  tr_status status = bench(ctx, &o);
  if (status != TR_OK) fprintf(stderr, "bench_ode: %s\n", tr_ctx_error(ctx)->message);
  tr_ctx_close(&ctx);
  return status == TR_OK ? 0 : 1;
}
