/* A checkpoint as a model: what the file and FILE.json beside it tell, what the caller may choose instead,
 * what is missing or wrong, classes of samples. */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/checkpoint/write/save.h"
#include "nets/model.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/scratch.h"

#define DIGITS TR_EXPERIMENT_DATA "/digits-ema.pt"

static tr_ctx *ctx;

/* A copy of the digits with these arguments beside it, or none. */
static const char *copy_with(const char *args) {
  static char path[512];
  char beside[520];
  size_t size;
  unsigned char *bytes = read_whole(DIGITS, &size);
  snprintf(path, sizeof path, "%s", scratch("copy.pt"));
  snprintf(beside, sizeof beside, "%s.json", path);
  write_whole(path, bytes, size);
  remove(beside);
  if (args) write_whole(beside, args, strlen(args));
  free(bytes);
  return path;
}

static void told(void) {
  tr_model *m;
  CHECK_OK(ctx, tr_model_open(ctx, DIGITS, NULL, &m));
  const tr_net_info *info = &m->config.info;
  CHECK(info->ndim == 3 && info->shape[0] == 1 && info->shape[1] == 8 && info->shape[2] == 8 &&
        info->row == 64);
  CHECK(info->num_classes == 10 && info->null_class == 10 &&
        strcmp(tr_net_config_kind(&m->config), "sit") == 0);
  CHECK(strcmp(m->interpolant.type->info.name, "Linear") == 0 && m->prediction->tag == TR_VELOCITY);
  CHECK(tr_net_config_value(&m->config, "heads") == 4 && tr_model_told_by(m, "num_heads") == TR_TOLD_BY_ARG);
  CHECK(strcmp(m->set, "weights") == 0 && m->args_file && strlen(m->args_sha256) == 64);
  tr_model_close(&m);
  CHECK(m == NULL);
  const tr_model_options chosen = {
      .n_told = 1, .told = &(tr_net_size){"num_heads", 8}, .path_type = "gvp", .prediction = "noise"};
  CHECK_OK(ctx, tr_model_open(ctx, DIGITS, &chosen, &m));
  CHECK(strcmp(m->interpolant.type->info.name, "GVP") == 0 && m->prediction->tag == TR_NOISE);
  CHECK(tr_net_config_value(&m->config, "heads") == 8 &&
        tr_model_told_by(m, "num_heads") == TR_TOLD_BY_OPTION);
  tr_model_close(&m);
  CHECK_OK(ctx, tr_model_open(ctx, copy_with("{\"num_heads\": 2, \"path_type\": \"VP\"}"), NULL, &m));
  CHECK(strcmp(m->interpolant.type->info.name, "VP") == 0 && m->prediction->tag == TR_VELOCITY);
  CHECK(tr_net_config_value(&m->config, "heads") == 2 && tr_model_told_by(m, "num_heads") == TR_TOLD_BY_ARG);
  tr_model_close(&m);
}

/* The field of a model lives on when the model is closed. */
static void field(void) {
  const double t = 0.25;
  const int32_t label = 3;
  const tr_cond cond = {1, &label};
  const tr_model_options heads = {.n_told = 1, .told = &(tr_net_size){"num_heads", 4}};
  double *each[2];
  tr_array *x, *f;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, (int64_t[]){2, 1, 8, 8}, &x));
  CHECK_OK(ctx, tr_randn(&(tr_random_address){.seed = 1, .purpose = TR_RANDOM_TEST}, x));
  CHECK_OK(ctx, tr_array_like(x, &f));
  for (int i = 0; i < 2; i++) {
    tr_model *m;
    tr_drift *drift;
    CHECK_OK(ctx, tr_model_open(ctx, i ? copy_with(NULL) : DIGITS, &heads, &m));
    CHECK_OK(ctx, tr_model_drift(m, TR_F64, &drift));
    tr_model_close(&m);
    CHECK(drift->kind == TR_VELOCITY && drift->num_classes == 10 && drift->null_class == 10);
    CHECK_OK(ctx, tr_drift_eval(drift, (tr_times){1, &t}, x, &cond, f));
    each[i] = values(f);
    tr_drift_destroy(&drift);
  }
  CHECK(memcmp(each[0], each[1], 128 * sizeof(double)) == 0 && each[0][0] != 0);
  free(each[0]), free(each[1]);
  tr_array_destroy(&x), tr_array_destroy(&f);
}

/* A sampler along the model's own path, with a drift that lives on. */
static void sampling(void) {
  tr_model *m;
  tr_sampler sampler, defaults;
  tr_array *x;
  CHECK_OK(ctx, tr_model_open(ctx, copy_with("{\"num_heads\": 4, \"path_type\": \"GVP\"}"), NULL, &m));
  CHECK_OK(ctx, tr_model_sampler(m, TR_F32, &sampler));
  CHECK_OK(ctx, tr_model_states(m, TR_F32, 3, &x));
  tr_model_close(&m);
  CHECK_OK(ctx, tr_sampler_defaults(ctx, &defaults));
  CHECK(strcmp(sampler.interpolant.type->info.name, "GVP") == 0 && sampler.drift->kind == TR_VELOCITY);
  CHECK(sampler.ode.method == defaults.ode.method && sampler.n_steps == defaults.n_steps);
  CHECK(x->ndim == 4 && x->shape[0] == 3 && x->shape[1] == 1 && x->shape[3] == 8 && x->dtype == TR_F32);
  CHECK_OK(ctx, tr_sample_init(&sampler, x));
  CHECK_OK(ctx, tr_sample_ode(&sampler, &(tr_cond){1, &(int32_t){7}}, x, NULL));
  tr_drift_destroy(&sampler.drift);
  tr_array_destroy(&x);
}

static const char *told_as(const char *param) {
  CHECK(strcmp(param, "num_heads") == 0);
  return "--num_heads N";
}

static void refused(void) {
  const struct {
    const char *args;
    tr_model_options options;
    tr_status status;
    const char *word;
  } cases[] = {
      {NULL, {0}, TR_E_ARG, "heads (no model name): give tr_model_options.told, or num_heads in FILE.json"},
      {NULL, {.told_as = told_as}, TR_E_ARG, "give --num_heads N, or num_heads in FILE.json"},
      {"{\"model\": \"SiT-digits\"}", {0}, TR_E_ARG, "'SiT-digits' is no known model"},
      {"{\"model\": \"SiT-S/2\"}",
       {0},
       TR_E_IO,
       "says model = SiT-S/2: the weights (width 64, depth 6, patch 2)"},
      {"{\"num_heads\": 7}", {0}, TR_E_IO, "says num_heads = 7: 7 heads do not divide the width 64"},
      {"{\"num_heads\": 4, \"num_classes\": 3}",
       {0},
       TR_E_IO,
       "says num_classes = 3: the label table has 11 rows"},
      {"{\"num_heads\": 4, \"path_type\": \"Liner\"}",
       {0},
       TR_E_IO,
       "says path_type = Liner: unknown interpolant"},
      {"{\"num_heads\": 4}", {.prediction = "speed"}, TR_E_ARG, "unknown prediction 'speed'"},
      {"{\"num_heads\": 4}",
       {.n_told = 1, .told = &(tr_net_size){"num_heads", 5}},
       TR_E_ARG,
       "5 heads do not divide the width 64"},
      {"{\"num_heads\": 4}", {.weights = "best"}, TR_E_ARG, "best"},
      {"{\"num_heads\": 4}",
       {.n_told = 1, .told = &(tr_net_size){"heads", 4}},
       TR_E_ARG,
       "sit has no parameter 'heads': did you mean 'num_heads'?"},
      {"{\"num_heads\": 5000}",
       {0},
       TR_E_IO,
       "says num_heads = 5000: a whole number from 1 to 4096 is needed"},
      {NULL, {.n_told = 1}, TR_E_ARG, "options with n_told = 1, but without told"},
      {NULL, {.n_told = -5}, TR_E_ARG, "n_told = -5"},
      {NULL, {.n_told = 1, .told = &(tr_net_size){0}}, TR_E_ARG, "told[0].key = NULL"},
      {"[4]", {.n_told = 1, .told = &(tr_net_size){"num_heads", 4}}, TR_E_IO, "holds an array"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tr_model *m;
    CHECK_ERROR(ctx, tr_model_open(ctx, copy_with(cases[i].args), &cases[i].options, &m), cases[i].status,
                cases[i].word);
    CHECK(m == NULL);
  }
}

/* A model that is only looked at makes no field, whosever network. */
static void no_field(const tr_model *m) {
  tr_model *whole;
  tr_net *net;
  tr_drift *drift;
  tr_sampler sampler;
  CHECK_OK(ctx, tr_model_open(ctx, DIGITS, NULL, &whole));
  CHECK_OK(ctx, tr_model_network(whole, &(tr_net_options){.dtype = TR_F32}, &net));
  CHECK_ERROR(ctx, tr_model_field(m, net, &drift), TR_E_ARG, "to look at only");
  CHECK_ERROR(ctx, tr_model_drift(m, TR_F32, &drift), TR_E_ARG, "to look at only");
  CHECK_ERROR(ctx, tr_model_sampler(m, TR_F32, &sampler), TR_E_ARG, "to look at only");
  tr_net_destroy(&net);
  tr_model_close(&whole);
}

/* To be looked at, what is not told stays open. */
static void looked_at(void) {
  static const char *const args[] = {NULL, "{\"model\": \"SiT-S/2\"}", "{\"path_type\": \"none such\"}"};
  for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
    tr_model *m;
    tr_net *net;
    CHECK_OK(ctx, tr_model_open(ctx, copy_with(args[i]), &(tr_model_options){.open = true}, &m));
    CHECK(tr_net_config_value(&m->config, "heads") == 0 && tr_net_config_value(&m->config, "depth") == 6);
    CHECK_ERROR(ctx, tr_model_network(m, &(tr_net_options){.dtype = TR_F32}, &net), TR_E_ARG, "0 heads");
    no_field(m);
    tr_model_close(&m);
  }
  const double numbers[2] = {1, 2};
  const tr_tensor tensor = tr_tensor_of_f64("w", 1, (int64_t[]){2}, numbers);
  const tr_saved_set set = {"ema", 1, &(tr_saved_tensor){.name = "w", .tensor = &tensor}};
  tr_model *m;
  CHECK_OK(ctx, tr_torch_save(ctx, scratch("unknown.pt"), &(tr_saved){.n_sets = 1, .sets = &set}));
  CHECK_OK(ctx, tr_model_open(ctx, scratch("unknown.pt"), &(tr_model_options){.open = true}, &m));
  CHECK(!m->config.type);
  no_field(m);
  tr_model_close(&m);
}

static void labels(void) {
  const tr_net_info classes = {.num_classes = 3, .null_class = 3}, none = {.null_class = -1};
  const tr_net_info no_null = {.num_classes = 3, .null_class = -1};
  const long given[] = {2, 3, 0, 1, 4};
  int32_t *l;
  CHECK_OK(ctx, tr_model_labels(ctx, &classes, NULL, 0, NULL, 5, &l));
  for (int i = 0; i < 5; i++) CHECK(l[i] == i % 3);
  free(l);
  CHECK_OK(ctx, tr_model_labels(ctx, &classes, NULL, 1, given, 5, &l));
  for (int i = 0; i < 5; i++) CHECK(l[i] == 2);
  free(l);
  CHECK_OK(ctx, tr_model_labels(ctx, &classes, NULL, 4, given, 4, &l));
  for (int i = 0; i < 4; i++) CHECK(l[i] == given[i]);
  free(l);
  CHECK_OK(ctx, tr_model_labels(ctx, &none, NULL, 0, NULL, 5, &l));
  CHECK(l == NULL);
  CHECK_ERROR(ctx, tr_model_labels(ctx, &none, NULL, 1, given, 5, &l), TR_E_ARG,
              "class label 2: this model is");
  CHECK_ERROR(ctx, tr_model_labels(ctx, &classes, "--label", 2, given, 5, &l), TR_E_ARG,
              "--label has 2 entries for 5 samples");
  CHECK_ERROR(ctx, tr_model_labels(ctx, &classes, NULL, 5, given, 5, &l), TR_E_ARG,
              "class label 4 is out of range");
  CHECK_ERROR(ctx, tr_model_labels(ctx, &no_null, NULL, 4, given, 4, &l), TR_E_ARG, "has classes 0 to 2");
  CHECK(l == NULL);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  told();
  field();
  sampling();
  refused();
  looked_at();
  labels();
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
