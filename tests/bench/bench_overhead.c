/* What the solvers cost besides the network: the sampler runs every registered method on a SiT with random
 * weights (f32, 32 x 32 x 4 latents) and all time outside of the network's forwards is the solver's, setting
 * up and the last step included. Tab-separated; ms of the cheapest run.
 *   bench_overhead [--model S/2] [--batch 8] [--steps N] [--runs N] [--threads N] [--methods NAME,...]
 * percent: of the fastest forward of the whole bench. Adaptive methods run at rtol 1e-2, with at most 2 N
 * forwards. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/net.h"
#include "nets/register.h"
#include "tests/support/seconds.h"
#include "transport/sampler/sampler.h"

enum { CHANNELS = 4, SIDE = 32, CLASSES = 1000, METHODS = 128 };

typedef struct {
  const char *model, *methods;
  int batch, steps, runs, threads;
} bench_options;

/* The network behind a stopwatch. */
typedef struct {
  tr_drift *network;
  tr_cond cond;
  double seconds, fastest;
} stopwatch;

static tr_status timed(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  stopwatch *watch = user;
  double from = seconds_now();
  (void)cond;
  tr_status status = tr_drift_eval(watch->network, times, x, &watch->cond, f);
  double took = seconds_now() - from;
  watch->seconds += took;
  watch->fastest = fmin(watch->fastest, took);
  return status;
}

typedef struct {
  const char *kind, *name;
  tr_sample_stats stats;
  double overhead; /* seconds a step */
} result;

typedef struct {
  const bench_options *options;
  stopwatch watch;
  tr_sampler sampler;
  const tr_ode_method *around; /* of churn and restart */
  tr_array *x;
  result results[METHODS];
  int n;
} bench;

/* One run; the cheapest of a method stays. */
static tr_status measure(bench *b, bool sde, result *best) {
  tr_sample_stats stats;
  TR_TRY(tr_sample_init(&b->sampler, b->x));
  b->watch.seconds = 0;
  double from = seconds_now();
  TR_TRY(sde ? tr_sample_sde(&b->sampler, NULL, b->x, &stats)
             : tr_sample_ode(&b->sampler, NULL, b->x, &stats));
  double overhead = (seconds_now() - from - b->watch.seconds) / (double)stats.n_steps;
  if (overhead < best->overhead) best->overhead = overhead, best->stats = stats;
  return TR_OK;
}

static bool wanted(const bench_options *o, const char *name) {
  size_t length = strlen(name);
  for (const char *at = o->methods; at && *at; at += *at == ',') {
    size_t n = strcspn(at, ",");
    if (n == length && strncmp(at, name, n) == 0) return true;
    at += n;
  }
  return !o->methods;
}

static tr_status measure_kind(tr_ctx *ctx, bench *b, const char *kind) {
  const tr_module *module;
  bool sde = strcmp(kind, TR_KIND_SDE_METHOD) == 0;
  for (int i = 0; (module = tr_module_at(ctx, kind, i)); i++) {
    if (!wanted(b->options, module->name) || b->n == METHODS) continue;
    result *best = &b->results[b->n++];
    *best = (result){.kind = kind, .name = module->name, .overhead = INFINITY};
    b->sampler.ode.method = sde ? b->around : (const tr_ode_method *)module;
    if (sde) b->sampler.sde.method = (const tr_sde_method *)module;
    b->sampler.max_nfe = !sde && (b->sampler.ode.method->caps & TR_ODE_ADAPTIVE) ? 2 * b->options->steps : 0;
    for (int run = 0; run < b->options->runs; run++) TR_TRY(measure(b, sde, best));
  }
  return TR_OK;
}

static tr_status open_bench(tr_ctx *ctx, const bench_options *o, bench *b) {
  static const int32_t label = 207;
  static const tr_restart again = {0.3, 0.6, 1, 2};
  const tr_net_size sizes[] = {
      {"channels", CHANNELS}, {"latent_size", SIDE}, {"num_classes", CLASSES}, {"learn_sigma", true}};
  tr_net *net;
  char full[64];
  *b = (bench){.options = o, .watch = {.cond = {1, &label}, .fastest = INFINITY}};
  snprintf(full, sizeof full, strncmp(o->model, "SiT-", 4) == 0 ? "%s" : "SiT-%s", o->model);
  TR_TRY(tr_ctx_set_threads(ctx, o->threads));
  TR_TRY(tr_register_all(ctx));
  TR_TRY(tr_net_create_named(ctx, full, 4, sizes, &(tr_net_options){.dtype = TR_F32}, 1, &net));
  TR_TRY(tr_drift_take_net(&net, TR_VELOCITY, &b->watch.network));
  TR_TRY(tr_sampler_defaults(ctx, &b->sampler));
  TR_TRY(tr_drift_create_callback(ctx, "timed", TR_VELOCITY, timed, &b->watch, &b->sampler.drift));
  b->sampler.drift->rel_noise = b->watch.network->rel_noise;
  b->sampler.n_steps = o->steps + 1;
  b->sampler.ode.rtol = b->sampler.ode.atol = 1e-2;
  TR_TRY(tr_find(ctx, TR_KIND_ODE_METHOD, "heun2", (const tr_module **)&b->around));
  b->sampler.restarts = &again;
  b->sampler.n_restarts = 1;
  TR_TRY(tr_diffusion_find(ctx, "sigma", &b->sampler.diffusion));
  return tr_array_create(ctx, TR_F32, 4, (int64_t[]){o->batch, CHANNELS, SIDE, SIDE}, &b->x);
}

static void close_bench(bench *b) {
  tr_array_destroy(&b->x);
  tr_drift_destroy(&b->sampler.drift);
  tr_drift_destroy(&b->watch.network);
}

static void print(const bench *b) {
  printf("model\tbatch\tdtype\tthreads\tforward_ms\tkind\tmethod\tsteps\tnfe\toverhead_ms\tpercent\n");
  for (int i = 0; i < b->n; i++) {
    const result *r = &b->results[i];
    printf("%s\t%d\tf32\t%d\t%.3f\t%s\t%s\t%ld\t%ld\t%.3f\t%.2f\n", b->options->model, b->options->batch,
           b->options->threads, b->watch.fastest * 1e3, r->kind, r->name, r->stats.n_steps, r->stats.nfe,
           r->overhead * 1e3, 100 * r->overhead / b->watch.fastest);
  }
}

static tr_status bench_all(tr_ctx *ctx, const bench_options *o) {
  static bench b;
  tr_status status = open_bench(ctx, o, &b);
  if (status == TR_OK) status = measure_kind(ctx, &b, TR_KIND_ODE_METHOD);
  if (status == TR_OK) status = measure_kind(ctx, &b, TR_KIND_SDE_METHOD);
  if (status == TR_OK && b.n == 0)
    status = TR_FAIL(ctx, TR_E_ARG, "--methods '%s': none is registered", o->methods);
  if (status == TR_OK) print(&b);
  close_bench(&b);
  return status;
}

static bool parse(bench_options *o, const char *name, const char *value) {
  if (strcmp(name, "--model") == 0)
    o->model = value;
  else if (strcmp(name, "--methods") == 0)
    o->methods = value;
  else if (strcmp(name, "--batch") == 0)
    o->batch = atoi(value);
  else if (strcmp(name, "--steps") == 0)
    o->steps = atoi(value);
  else if (strcmp(name, "--runs") == 0)
    o->runs = atoi(value);
  else if (strcmp(name, "--threads") == 0)
    o->threads = atoi(value);
  else
    return false;
  return o->batch > 0 && o->steps > 0 && o->runs > 0 && o->threads > 0;
}

int main(int argc, char **argv) {
  tr_ctx *ctx;
  tr_error error;
  if (tr_ctx_open("cpu", 1, &ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_overhead: %s\n", error.message);
    return 1;
  }
  bench_options options = {"S/2", NULL, 8, 6, 1, tr_ctx_threads(ctx)};
  for (int i = 1; i < argc; i += 2)
    if (i + 1 == argc || !parse(&options, argv[i], argv[i + 1])) {
      tr_ctx_close(&ctx);
      fprintf(stderr,
              "bench_overhead: bad option '%s'\nusage: bench_overhead [--model S/2] [--batch N] [--steps N] "
              "[--runs N] [--threads N] [--methods NAME,...]\n",
              argv[i]);
      return 2;
    }
  tr_status status = bench_all(ctx, &options);
  if (status != TR_OK) fprintf(stderr, "bench_overhead: %s\n", tr_ctx_error(ctx)->message);
  tr_ctx_close(&ctx);
  return status != TR_OK;
}
