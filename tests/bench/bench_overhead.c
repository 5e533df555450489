/* What the solvers cost besides the network: the sampler runs every registered method on a SiT with random
 * weights (f32, 32 x 32 x 4 latents) and all time outside of the network's forwards is the solver's, setting
 * up and the last step included. Tab-separated; ms of the cheapest run.
 *   bench_overhead [--device cpu] [--model S/2] [--batch 8] [--side 32] [--dtype f32|bf16]
 *                  [--steps N] [--runs N] [--threads N] [--methods NAME,...]
 * percent: of the fastest forward of the whole bench. Adaptive methods run at rtol 1e-2, with at most 2 N
 * forwards. On a device, which computes while the host goes on, forwards are timed before, N in a row
 * without a wait, and the overhead is what the whole run takes beyond as many. programs and waits: those of a
 * step, the setting up and the last step included. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/vec/vec.h"
#include "nets/net.h"
#include "nets/register.h"
#include "tests/support/seconds.h"
#include "transport/sampler/sampler.h"

enum { CHANNELS = 4, CLASSES = 1000, METHODS = 128 };

typedef struct {
  const char *device, *model, *methods;
  int batch, side, steps, runs, threads;
  tr_nn_products products;
} bench_options;

/* The network behind a stopwatch. */
typedef struct {
  tr_drift *network;
  tr_cond cond;
  double seconds, fastest;
  bool device; /* timed before, not in a run */
} stopwatch;

static tr_status timed(tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  stopwatch *watch = user;
  double from = seconds_now();
  (void)cond;
  if (watch->device) return tr_drift_eval(watch->network, times, x, &watch->cond, f);
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
  double programs, waits;
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

/* A forward among as many as a solve has. */
static tr_status time_forward(bench *b) {
  const int runs = b->options->steps;
  tr_ctx *ctx = b->x->ctx;
  const double t = 0.5;
  tr_array *f;
  TR_TRY(tr_array_like(b->x, &f));
  tr_status status = tr_sample_init(&b->sampler, b->x);
  double from = 0;
  for (int i = -2; i < runs && status == TR_OK; i++) {
    if (i == 0) status = tr_wait(ctx), from = seconds_now();
    if (status == TR_OK) status = timed((tr_times){1, &t}, b->x, NULL, f, &b->watch);
  }
  if (status == TR_OK) status = tr_wait(ctx);
  b->watch.fastest = (seconds_now() - from) / runs;
  tr_array_destroy(&f);
  return status;
}

/* One run; the cheapest of a method stays. */
static tr_status measure(bench *b, bool sde, result *best) {
  tr_ctx *ctx = b->x->ctx;
  tr_sample_stats stats;
  TR_TRY(tr_sample_init(&b->sampler, b->x));
  TR_TRY(tr_wait(ctx));
  b->watch.seconds = 0;
  const tr_counts before = tr_ctx_counts(ctx);
  double from = seconds_now();
  TR_TRY(sde ? tr_sample_sde(&b->sampler, NULL, b->x, &stats)
             : tr_sample_ode(&b->sampler, NULL, b->x, &stats));
  TR_TRY(tr_wait(ctx));
  if (b->watch.device) b->watch.seconds = (double)stats.nfe * b->watch.fastest;
  const double overhead = (seconds_now() - from - b->watch.seconds) / (double)stats.n_steps;
  const tr_counts after = tr_ctx_counts(ctx);
  if (overhead >= best->overhead) return TR_OK;
  best->overhead = overhead, best->stats = stats;
  best->programs = (double)(after.programs - before.programs) / (double)stats.n_steps;
  best->waits = (double)(after.waits - before.waits) / (double)stats.n_steps;
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
      {"channels", CHANNELS}, {"latent_size", o->side}, {"num_classes", CLASSES}, {"learn_sigma", true}};
  tr_net *net;
  char full[64];
  const bool device = !(tr_ctx_backend(ctx)->promises & TR_BACKEND_HOST_MEMORY);
  *b = (bench){.options = o, .watch = {.cond = {1, &label}, .fastest = INFINITY, .device = device}};
  snprintf(full, sizeof full, strncmp(o->model, "SiT-", 4) == 0 ? "%s" : "SiT-%s", o->model);
  TR_TRY(tr_ctx_set_threads(ctx, o->threads));
  TR_TRY(tr_register_all(ctx));
  TR_TRY(tr_net_create_named(ctx, full, 4, sizes, &(tr_net_options){.dtype = TR_F32, .products = o->products},
                             1, &net));
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
  return tr_array_create(ctx, TR_F32, 4, (int64_t[]){o->batch, CHANNELS, o->side, o->side}, &b->x);
}

static void close_bench(bench *b) {
  tr_array_destroy(&b->x);
  tr_drift_destroy(&b->sampler.drift);
  tr_drift_destroy(&b->watch.network);
}

static void print(const bench *b) {
  printf("model\tbatch\tdtype\tthreads\tforward_ms\tkind\tmethod\tsteps\tnfe\toverhead_ms\tpercent"
         "\tprograms\twaits\n");
  for (int i = 0; i < b->n; i++) {
    const result *r = &b->results[i];
    printf("%s\t%d\t%s\t%d\t%.3f\t%s\t%s\t%ld\t%ld\t%.3f\t%.2f\t%.1f\t%.1f\n", b->options->model,
           b->options->batch, b->options->products == TR_NN_BF16 ? "bf16" : "f32", b->options->threads,
           b->watch.fastest * 1e3, r->kind, r->name, r->stats.n_steps, r->stats.nfe, r->overhead * 1e3,
           100 * r->overhead / b->watch.fastest, r->programs, r->waits);
  }
}

static tr_status bench_all(tr_ctx *ctx, const bench_options *o) {
  static bench b;
  tr_status status = open_bench(ctx, o, &b);
  if (status == TR_OK && b.watch.device) status = time_forward(&b);
  if (status == TR_OK) status = measure_kind(ctx, &b, TR_KIND_ODE_METHOD);
  if (status == TR_OK) status = measure_kind(ctx, &b, TR_KIND_SDE_METHOD);
  if (status == TR_OK && b.n == 0)
    status = TR_FAIL(ctx, TR_E_ARG, "--methods '%s': none is registered", o->methods);
  if (status == TR_OK) print(&b);
  close_bench(&b);
  return status;
}

static bool parse(bench_options *o, const char *name, const char *value) {
  if (strcmp(name, "--device") == 0)
    o->device = value;
  else if (strcmp(name, "--side") == 0)
    o->side = atoi(value);
  else if (strcmp(name, "--dtype") == 0 && (strcmp(value, "f32") == 0 || strcmp(value, "bf16") == 0))
    o->products = *value == 'b' ? TR_NN_BF16 : TR_NN_FULL;
  else if (strcmp(name, "--model") == 0)
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
  return o->batch > 0 && o->side > 0 && o->steps > 0 && o->runs > 0 && o->threads >= 0;
}

int main(int argc, char **argv) {
  tr_ctx *ctx;
  tr_error error;
  bench_options options = {.device = "cpu", .model = "S/2", .batch = 8, .side = 32, .steps = 6, .runs = 1};
  for (int i = 1; i < argc; i += 2)
    if (i + 1 == argc || !parse(&options, argv[i], argv[i + 1])) {
      fprintf(
          stderr,
          "bench_overhead: bad option '%s'\nusage: bench_overhead [--device NAME] [--model S/2] [--batch N] "
          "[--side N] [--dtype f32|bf16] [--steps N] [--runs N] [--threads N] [--methods NAME,...]\n",
          argv[i]);
      return 2;
    }
  if (tr_ctx_open(options.device, 1, &ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_overhead: %s\n", error.message);
    return 1;
  }
  if (!options.threads) options.threads = tr_ctx_threads(ctx);
  tr_status status = bench_all(ctx, &options);
  if (status != TR_OK) fprintf(stderr, "bench_overhead: %s\n", tr_ctx_error(ctx)->message);
  tr_ctx_close(&ctx);
  return status != TR_OK;
}
