/* A network of a user's own that its file does not tell all about: x' = -decay x, decay a parameter of the
 * kind. The program shows it, asks for it, takes it from --net-param or from FILE.json, and records it. */
#include <math.h>
#include <stdlib.h>

#include "core/io/npz.h"
#include "core/vec/vec.h"
#include "nets/layers/weights.h"
#include "nets/network.h"
#include "tests/support/nets/safetensors.h"
#include "tests/support/said.h"
#include "tests/support/scratch.h"

/* ---- the network ---- */

typedef struct {
  int dim, decay;
} sizes_of_decay;

enum { DECAY };
static const tr_param params[] = {
    [DECAY] = {.name = "decay_rate",
               .value = NAN,
               .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 0, .high = 9},
               .help = "rate of decay"}};

static bool entry(const void *sizes, int i, tr_net_entry *out) {
  const sizes_of_decay *of = sizes;
  *out = (tr_net_entry){.name = "decaying", .kind = TR_ENTRY_TABLE, .ndim = 2, .shape = {1, of->dim}};
  return i == 0;
}

static const tr_net_type type;

static tr_status configure(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                           const double *values, void *sizes) {
  sizes_of_decay *of = sizes;
  const tr_tensor *table;
  TR_TRY(tr_weights_find(ctx, weights, "decaying", 2, "(1, dim)", "a decay", &table));
  of->dim = (int)table->shape[1];
  of->decay = isnan(values[DECAY]) ? -1 : (int)values[DECAY];
  if (of->decay < 0 && !settings->open) return TR_FAIL(ctx, TR_E_ARG, "a decay without its rate");
  return tr_weights_check(ctx, weights, &type, sizes, "a decay");
}

static tr_status check(tr_ctx *ctx, const void *sizes) {
  const sizes_of_decay *of = sizes;
  return of->dim > 0 && of->decay >= 0 ? TR_OK : TR_FAIL(ctx, TR_E_ARG, "a decay of no rate");
}

static void about(const void *sizes, tr_net_info *out) {
  out->ndim = 1, out->shape[0] = ((const sizes_of_decay *)sizes)->dim;
}

static void say(const void *sizes, char *text, size_t size) {
  snprintf(text, size, "decay, states (%d)", ((const sizes_of_decay *)sizes)->dim);
}

static tr_status forward(tr_net *net, tr_times times, const tr_array *x, const tr_cond *cond, tr_array *f) {
  (void)times, (void)cond;
  return tr_scale(-((const sizes_of_decay *)net->sizes)->decay, x, f);
}

static const char *const beginnings[] = {"decaying", NULL};
static const tr_net_key keys[] = {{.key = "dim", .offset = offsetof(sizes_of_decay, dim), .recorded = true},
                                  {.key = "rate",
                                   .offset = offsetof(sizes_of_decay, decay),
                                   .absent = -1,
                                   .recorded = true,
                                   .param = "decay_rate"},
                                  {0}};
static const tr_net_type type = {
    .info = {.name = "decay", .summary = "-decay_rate x", .params = params, .n_params = 1},
    .caps = TR_NET_FIELD,
    .beginnings = beginnings,
    .sizes_bytes = sizeof(sizes_of_decay),
    .keys = keys,
    .entry = entry,
    .configure = configure,
    .check = check,
    .about = about,
    .say = say,
    .forward = forward};

static tr_status register_own(tr_ctx *ctx) {
  return tr_register(ctx, TR_KIND_NETWORK, &type.info);
}

/* ---- the program with it ---- */

static char file[256], beside[300], line[1024];

static int transit(const char *format, const char *options) {
  snprintf(line, sizeof line, format, file, options);
  return said_by(register_own, line);
}

static int sample(const char *options) {
  return transit("sample ODE --ckpt %s --num-samples 3 --rtol 1e-9 --atol 1e-12 --dtype f64 %s", options);
}

static void write_args(const char *text) {
  remove(beside);
  if (text) write_whole(beside, text, strlen(text));
}

static void shown(void) {
  CHECK(transit("list network%.0s%s", "") == 0);
  SAYS("decay_rate (from 0 to 9, must be given): rate of decay");
  CHECK(transit("sample --help%.0s%s", "") == 0);
  SAYS("--net-param NAME=VALUE,...");
  CHECK(transit("inspect %s%s", "") == 0);
  SAYS("rate: unknown, the file does not tell: give --net-param NAME=VALUE, or decay_rate in FILE.json");
  write_args("{\"decay_rate\": 2}");
  CHECK(transit("inspect %s%s", "") == 0);
  SAYS("rate: 2 (from args decay_rate)");
  write_args(NULL);
}

/* x(1) = exp(-rate) x(0), from the same start whatever the rate. */
static double first_sample(const char *dir) {
  tr_ctx *ctx = check_context(0, NULL);
  tr_npz *npz;
  tr_npy latents;
  double first;
  char path[300];
  snprintf(path, sizeof path, "%s/samples.npz", dir);
  CHECK_OK(ctx, tr_npz_open(ctx, path, &npz));
  CHECK_OK(ctx, tr_npz_get(npz, "latents", &latents));
  memcpy(&first, latents.data, sizeof first);
  tr_npy_close(&latents);
  tr_npz_close(&npz);
  tr_ctx_close(&ctx);
  return first;
}

static void sampled(void) {
  char dir[4][256], options[400];
  static const char *const given[] = {"--net-param decay_rate=0", "--net-param decay_rate=1", "",
                                      "--net-param decay_rate=3"};
  for (int i = 0; i < 4; i++) {
    snprintf(dir[i], sizeof dir[i], "%s", scratch(given[i][0] ? given[i] + 12 : "beside"));
    snprintf(options, sizeof options, "%s --out %s", given[i], dir[i]);
    write_args(i >= 2 ? "{\"decay_rate\": 2}" : NULL);
    CHECK(sample(options) == 0);
    CHECK_NEAR(first_sample(dir[i]) / first_sample(dir[0]), exp(-i), 1e-7);
    snprintf(options, sizeof options, "%s/run.json", dir[i]);
    said_record(options);
    snprintf(options, sizeof options, "\"net-param\":{\"decay_rate\":%d.0}", i);
    SAYS(options);
    snprintf(options, sizeof options, "\"network\":{\"kind\":\"decay\",\"dim\":2,\"rate\":%d}", i);
    SAYS(options);
    SAYS("\"num-heads\":null");
  }
}

/* An option that is not what the file says, and one that is. */
static void overridden(void) {
  char options[400], dir[256];
  write_args("{\"decay_rate\": 2}");
  snprintf(dir, sizeof dir, "%s", scratch("overridden"));
  for (int rate = 1; rate <= 2; rate++) {
    snprintf(options, sizeof options, "--net-param decay_rate=%d --force --out %s", rate, dir);
    CHECK(sample(options) == 0);
    snprintf(options, sizeof options,
             "--net-param decay_rate=1 overrides the checkpoint's 2 ('%s' says decay_rate = 2)", beside);
    CHECK((strstr(said, options) != NULL) == (rate == 1));
    CHECK((strstr(said, "overrides") != NULL) == (rate == 1));
  }
  write_args("{\"model\": \"SiT-S/2\"}");
  snprintf(options, sizeof options, "--net-param decay_rate=1 --force --out %s", dir);
  CHECK(sample(options) == 0);
  CHECK(strstr(said, "overrides") == NULL);
}

static void refused(void) {
  static const struct {
    const char *args, *options, *says;
    int status;
  } bad[] = {
      {NULL, "",
       "does not tell its rate of decay (no model name): give --net-param NAME=VALUE, or decay_rate in", 2},
      {NULL, "--net-param decay_rate=10", "decay_rate of decay is 10: use a finite number from 0 to 9", 2},
      {NULL, "--net-param decay_rate=1.5", "--net-param: decay_rate is 1.5: use a whole number", 2},
      {NULL, "--net-param rate=1",
       "--net-param: none of sit, mlp, inception, vae, decay has a parameter 'rate': did you mean", 2},
      {NULL, "--num-heads 2", "decay has no parameter 'num_heads': it has decay_rate", 2},
      {NULL, "--num-heads 2 --net-param num_heads=2", "are the same parameter: give one of them", 2},
      {"{\"decay_rate\": 10}", "", "says decay_rate = 10: a whole number from 0 to 9 is needed", 1},
      {"{\"num_heads\": 4, \"decay_rate\": 2}", "", "says num_heads = 4: decay has no parameter 'num_heads'",
       1}};
  char options[300];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    write_args(bad[i].args);
    snprintf(options, sizeof options, "%s --out %s", bad[i].options, scratch("refused"));
    CHECK(sample(options) == bad[i].status);
    SAYS(bad[i].says);
  }
}

int main(void) {
  const double zeros[2] = {0};
  tr_tensor table = tr_tensor_of_f64("decaying", 2, (int64_t[]){1, 2}, zeros);
  snprintf(file, sizeof file, "%s", scratch("decay.safetensors"));
  snprintf(beside, sizeof beside, "%s.json", file);
  safetensors_write(file, &(tr_tensors){.n = 1, .items = &table}, "F32");
  shown();
  sampled();
  overridden();
  refused();
  return check_report();
}
