/* What the output of a checkpoint's network means: which way its time runs, its sign and its times, from
 * options and from what the trainers write; and what is assumed. */
#include <math.h>
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/checkpoint/write/save.h"
#include "nets/layers/weights.h"
#include "nets/model.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static tr_ctx *ctx;
static tr_net *net; /* whose weights are in the files */
static tr_net_config config;

enum { N = 3, STATE = 2 * 4 * 4 };

static char said[8][400];
static int n_said;
static void on_warning(const char *message, void *user) {
  (void)user;
  if (n_said < 8) snprintf(said[n_said++], sizeof *said, "%s", message);
}

static void make_net(void) {
  const tr_net_size sizes[] = {
      {"channels", 2}, {"out_channels", 4}, {"patch", 2},       {"grid", 2},
      {"hidden", 8},   {"depth", 1},        {"mlp_hidden", 16}, {"time_frequencies", 16},
      {"heads", 2},    {"num_classes", 3},  {"null_class", 3}};
  const tr_net_options options = {.dtype = TR_F64, .trained = true};
  CHECK_OK(ctx, tr_net_configure_sizes(ctx, "sit", sizeof sizes / sizeof *sizes, sizes, &config));
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, &options, TR_NET_RANDOM, 5, &net));
  if (!net) exit(check_report());
}

/* The network's tensors, less those that begin so, and one more; as a file with these arguments beside it. */
static const char *file(const char *less, const char *more, const char *args) {
  static char path[400];
  tr_saved_tensor items[64];
  tr_array values[64];
  int n = 0;
  const tr_params *params = tr_net_params(net);
  for (int i = 0; i < tr_params_n(params); i++) {
    const char *name = tr_params_entry(params, i)->name;
    if (less && strncmp(name, less, strlen(less)) == 0) continue;
    values[n] = tr_params_value(params, i);
    items[n] = (tr_saved_tensor){.name = name, .array = &values[n]};
    n++;
  }
  if (more) items[n] = items[0], items[n++].name = more;
  snprintf(path, sizeof path, "%s", scratch("model.safetensors"));
  CHECK_OK(ctx,
           tr_safetensors_save(ctx, path, &(tr_saved_set){.name = "model", .n = n, .items = items}, 0, NULL));
  write_whole(scratch("model.safetensors.json"), args, strlen(args));
  return path;
}

static tr_model *open_model(const char *args, const tr_model_options *options) {
  tr_model *m;
  n_said = 0;
  CHECK_OK(ctx, tr_model_open(ctx, file(NULL, NULL, args), options, &m));
  if (!m) exit(check_report());
  return m;
}

/* What was said, one line each, all of it. */
static void heard(int n, const char *word) {
  CHECK(n_said == n && (n == 0 || strstr(said[n - 1], word)));
  for (int i = 0; i < n_said && (n_said != n || !strstr(said[n - 1], word)); i++)
    printf("(said: %s)\n", said[i]);
}

/* ---- the field ---- */

static const double times[N] = {0.2, 0.5, 0.9995}; /* the last one beyond a DiT's first level */
static const int32_t labels[N] = {0, 2, 3};

typedef struct {
  tr_array *x, *v, *f, *product;
} arrays;

static arrays new_arrays(void) {
  arrays a;
  const int64_t shape[] = {N, 2, 4, 4};
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 4, shape, &a.x));
  tr_array **const others[] = {&a.v, &a.f, &a.product};
  for (int i = 0; i < 3; i++) CHECK_OK(ctx, tr_array_like(a.x, others[i]));
  double x[N * STATE], v[N * STATE];
  for (int i = 0; i < N * STATE; i++) x[i] = sin(i + 1.), v[i] = cos(3. * i);
  CHECK_OK(ctx, tr_array_set_f64(a.x, x));
  CHECK_OK(ctx, tr_array_set_f64(a.v, v));
  return a;
}

static void free_arrays(arrays *a) {
  tr_array **const all[] = {&a->x, &a->v, &a->f, &a->product};
  for (int i = 0; i < 4; i++) tr_array_destroy(all[i]);
}

/* Every entry is `factor` times that of b. */
static void equal(const tr_array *a, const tr_array *b, double factor) {
  double x[N * STATE], y[N * STATE], worst = 0;
  CHECK_OK(ctx, tr_array_get_f64(a, x));
  CHECK_OK(ctx, tr_array_get_f64(b, y));
  for (int i = 0; i < N * STATE; i++) worst = fmax(worst, fabs(x[i] - factor * y[i]));
  CHECK(worst < 1e-13);
}

/* The second pass asks with twice the product of the first, its sign included. */
static tr_status next_pass(void *user, int pass, int64_t first, int64_t rows) {
  tr_array *const *both = user;
  tr_array from = tr_rows(both[0], first, rows), to = tr_rows(both[1], first, rows);
  CHECK(pass == 1);
  return tr_scale(2, &from, &to);
}

/* Two passes, one covector a row: that of a->v, its product in p->v, and the second product in p->product. */
static void passes(tr_drift *drift, const double *at, arrays *a, arrays *p) {
  const int64_t shape[] = {1, N, 2, 4, 4};
  tr_array w0 = tr_view(a->v, 0, 5, shape), w1 = tr_view(p->x, 0, 5, shape), j0 = tr_view(p->v, 0, 5, shape),
           j1 = tr_view(p->product, 0, 5, shape);
  const tr_array *w[] = {&w0, &w1};
  tr_array *wJ[] = {&j0, &j1}, *both[] = {p->v, p->x};
  const tr_drift_passes two = {.n = 2, .w = w, .wJ = wJ, .next = next_pass, .user = both};
  CHECK_OK(ctx, tr_drift_vjp_passes(drift, (tr_times){N, at}, a->x, &(tr_cond){N, labels}, &two, a->f));
}

/* f and the products of `drift` are factor times those of the network at its own times: at[i] = scale own[i].
 */
static void field_is(tr_drift *drift, const double own[N], double scale, double factor) {
  const tr_cond cond = {N, labels};
  const tr_net_clock plain = {.at_noise = 0, .at_data = scale, .factor = 1};
  tr_drift *direct;
  double inner[N];
  for (int i = 0; i < N; i++) inner[i] = own[i] / scale;
  CHECK_OK(ctx, tr_drift_of_net(net, TR_VELOCITY, &direct));
  CHECK_OK(ctx, tr_drift_set_clock(direct, &plain));
  arrays a = new_arrays(), b = new_arrays();
  CHECK_OK(ctx, tr_drift_eval(drift, (tr_times){N, times}, a.x, &cond, a.f));
  CHECK_OK(ctx, tr_drift_eval(direct, (tr_times){N, inner}, b.x, &cond, b.f));
  equal(a.f, b.f, factor);
  CHECK_OK(ctx, tr_drift_jvp(drift, (tr_times){N, times}, a.x, &cond, a.v, a.product));
  CHECK_OK(ctx, tr_drift_jvp(direct, (tr_times){N, inner}, b.x, &cond, b.v, b.product));
  equal(a.product, b.product, factor);
  CHECK_OK(ctx, tr_drift_vjp(drift, (tr_times){N, times}, a.x, &cond, a.v, a.f, a.product));
  CHECK_OK(ctx, tr_drift_vjp(direct, (tr_times){N, inner}, b.x, &cond, b.v, b.f, b.product));
  equal(a.f, b.f, factor);
  equal(a.product, b.product, factor);
  /* J' (2 J' v): the covector of the second pass is made of the first product as the caller sees it */
  arrays p = new_arrays(), q = new_arrays();
  passes(drift, times, &a, &p);
  passes(direct, inner, &b, &q);
  equal(a.f, b.f, factor);
  equal(p.v, q.v, factor);
  equal(p.product, q.product, factor * factor);
  free_arrays(&a), free_arrays(&b), free_arrays(&p), free_arrays(&q);
  tr_drift_destroy(&direct);
}

static void model_is(const char *args, const tr_model_options *options, double at_noise, double at_data,
                     double factor) {
  tr_model *m = open_model(args, options);
  tr_drift *drift;
  double own[N];
  for (int i = 0; i < N; i++) own[i] = fmax(at_noise + (at_data - at_noise) * times[i], 0);
  CHECK_OK(ctx, tr_model_drift(m, TR_F64, &drift));
  field_is(drift, own, fmax(at_noise, at_data), factor);
  tr_drift_destroy(&drift);
  tr_model_close(&m);
}

#define SIZES "\"num_heads\": 2, \"num_classes\": 3"

static void directions(void) {
  const tr_model_options turned = {.time_direction = "noise-at-1"}, plain = {.time_direction = "noise-at-0"};
  model_is("{" SIZES ", \"path_type\": \"Linear\", \"prediction\": \"velocity\"}", NULL, 0, 1, 1);
  heard(0, "");
  model_is("{" SIZES ", \"path_type\": \"Linear\", \"prediction\": \"velocity\"}", &turned, 1, 0, -1);
  heard(0, "");
  model_is("{" SIZES ", \"path_type\": \"GVP\", \"prediction\": \"noise\"}", &turned, 1, 0, 1);
  model_is("{" SIZES
           ", \"path_type\": \"GVP\", \"prediction\": \"velocity\", \"time_direction\": \"noise-at-1\"}",
           NULL, 1, 0, -1);
  heard(0, "");
  /* REPA's own words */
  model_is("{" SIZES ", \"path_type\": \"linear\", \"prediction\": \"v\"}", NULL, 1, 0, -1);
  heard(1, "REPA's family (prediction v): its time direction is turned, v(x, t) = -v_file(x, 1 - t)");
  model_is("{" SIZES ", \"path_type\": \"linear\", \"prediction\": \"v\"}", &plain, 0, 1, 1);
  heard(1, "the time direction noise-at-0 overrides the checkpoint's, which is of REPA's family");
  tr_model *m = open_model("{" SIZES ", \"path_type\": \"cosine\", \"prediction\": \"v\"}", NULL);
  CHECK(strcmp(m->interpolant.type->info.name, "GVP") == 0 && m->prediction->tag == TR_VELOCITY &&
        strcmp(m->time_direction, "noise-at-1") == 0);
  tr_model_close(&m);
  CHECK_ERROR(
      ctx,
      tr_model_open(ctx, file(NULL, NULL, "{" SIZES "}"), &(tr_model_options){.time_direction = "up"}, &m),
      TR_E_ARG, "no time direction 'up': use noise-at-0 or noise-at-1");
  const tr_model_options canonical = {.prediction = "canonical", .time_direction = "noise-at-1"};
  tr_status status = tr_model_open(ctx, file(NULL, NULL, "{" SIZES "}"), &canonical, &m);
  CHECK(status == TR_E_ARG);
  tr_ctx_clear(ctx);
  tr_model_close(&m);
}

/* Tensors that only training needs tell REPA too, and are said to be passed over. */
static void projectors(void) {
  tr_model *m;
  n_said = 0;
  CHECK_OK(ctx, tr_model_open(ctx, file(NULL, "projectors.0.0.weight", "{" SIZES "}"), NULL, &m));
  CHECK(m && m->clock.at_noise == 1 && m->clock.at_data == 0 && m->clock.factor == -1);
  CHECK(n_said == 3 &&
        strstr(said[0], "1 tensors that only training needs are passed over: 'projectors.0.0.weight'") &&
        strstr(said[1], "REPA's family (projectors among the weights)") &&
        strstr(said[2], "does not say its path_type"));
  tr_model_close(&m);
  /* but not where the file says another prediction in its own words */
  CHECK_OK(ctx, tr_model_open(ctx,
                              file(NULL, "projectors.0.0.weight",
                                   "{" SIZES ", \"path_type\": \"Linear\", \"prediction\": \"velocity\"}"),
                              NULL, &m));
  CHECK(m && m->clock.factor == 1 && strcmp(m->time_direction, "noise-at-0") == 0);
  tr_model_close(&m);
}

static void dit(void) {
  const tr_model_options asked = {.family = "dit"};
  model_is("{" SIZES "}", &asked, 999, -1, 1);
  heard(0, "");
  model_is("{" SIZES ", \"model\": \"DiT-XL/2\"}", NULL, 999, -1, 1);
  heard(1, "is a DiT by its args (model DiT-XL/2): it predicts the noise at the times 0 to 999");
  model_is("{" SIZES ", \"model_family\": \"dit\"}", NULL, 999, -1, 1);
  heard(0, "");
  tr_model *m = open_model("{" SIZES "}", &asked);
  CHECK(strcmp(m->interpolant.type->info.name, "DDPM") == 0 && m->prediction->tag == TR_NOISE &&
        strcmp(m->family, "dit") == 0);
  tr_model_close(&m);
  model_is("{" SIZES ", \"model\": \"DiT-XL/2\"}", &(tr_model_options){.family = "sit"}, 0, 1, 1);
  CHECK(n_said == 2 &&
        strstr(said[0], "the model family sit overrides the checkpoint's, which says model = DiT-XL/2"));
  const char *path = file(NULL, NULL, "{" SIZES "}");
  CHECK_ERROR(ctx, tr_model_open(ctx, path, &(tr_model_options){.family = "unet"}, &m), TR_E_ARG,
              "no model family 'unet': use sit or dit");
  CHECK_ERROR(
      ctx, tr_model_open(ctx, path, &(tr_model_options){.family = "dit", .time_direction = "noise-at-1"}, &m),
      TR_E_ARG, "leave it out");
}

#define VP "{" SIZES ", \"path_type\": \"VP\", \"prediction\": \"noise\", \"path_param_sigma_max\": "

/* Parameters of the path, where the file speaks of that one. */
static void path_params(void) {
  char arg[TR_MODEL_ARG];
  CHECK(strcmp(tr_model_path_arg("sigma_max", arg, sizeof arg), "path_param_sigma_max") == 0);
  tr_model *m = open_model(VP "15.5, \"path_param_other\": 1}", NULL);
  CHECK(m->interpolant.values.v[0] == 0.1 && m->interpolant.values.v[1] == 15.5);
  tr_model_close(&m);
  m = open_model("{" SIZES ", \"path_param_sigma_max\": 12}", &(tr_model_options){.path_type = "VP"});
  CHECK(m->interpolant.values.v[1] == 12);
  tr_model_close(&m);
  m = open_model("{" SIZES ", \"path_type\": \"GVP\", \"path_param_sigma_max\": 12}",
                 &(tr_model_options){.path_type = "VP"});
  CHECK(m->interpolant.values.v[1] == 20);
  tr_model_close(&m);
  CHECK_ERROR(ctx, tr_model_open(ctx, file(NULL, NULL, VP "\"many\"}"), NULL, &m), TR_E_IO,
              "says path_param_sigma_max = many: 'many' is no number");
  CHECK_ERROR(ctx, tr_model_open(ctx, file(NULL, NULL, VP "-1}"), NULL, &m), TR_E_IO,
              "says path_param_sigma_max = -1: ");
  CHECK_ERROR(ctx, tr_model_open(ctx, file(NULL, NULL, VP "0.01}"), NULL, &m), TR_E_IO,
              "the path in the checkpoint's arguments: VP with sigma_min = 0.1 above sigma_max = 0.01");
}

static void assumed(void) {
  tr_model *m = open_model("{" SIZES "}", NULL);
  heard(1, "does not say its path_type or prediction: Linear and velocity assumed, with the noise at t = 0");
  CHECK(m->path_assumed && m->prediction_assumed);
  tr_model_close(&m);
  m = open_model("{" SIZES ", \"path_type\": \"GVP\"}", NULL);
  heard(1, "does not say its prediction: velocity assumed");
  CHECK(!m->path_assumed && m->prediction_assumed);
  tr_model_close(&m);
  m = open_model("{" SIZES ", \"prediction\": \"noise\"}", NULL);
  heard(1, "does not say its path_type: Linear assumed");
  tr_model_close(&m);
  m = open_model("{" SIZES "}", &(tr_model_options){.path_type = "VP", .prediction = "score"});
  heard(0, "");
  tr_model_close(&m);
  m = open_model("{" SIZES "}", &(tr_model_options){.open = true});
  heard(0, "");
  tr_model_close(&m);
}

/* A table of sines and cosines that is not stored is made for the latents that the arguments tell. */
static void tables(void) {
  static const char *const args[] = {"\"input_size\": 4", "\"image_size\": 32", "\"resolution\": 32"};
  tr_net_entry entry;
  double table[4 * 8], made[4 * 8];
  config.type->entry(config.sizes, 0, &entry);
  CHECK(strcmp(entry.name, "pos_embed") == 0 && tr_weights_can_make(&entry));
  entry.fill(config.sizes, table);
  for (int i = 0; i < 3; i++) {
    char text[200];
    tr_model *m;
    tr_net *again;
    n_said = 0;
    snprintf(text, sizeof text, "{" SIZES ", \"path_type\": \"GVP\", \"prediction\": \"velocity\", %s}",
             args[i]);
    CHECK_OK(ctx, tr_model_open(ctx, file("pos_embed", NULL, text), NULL, &m));
    heard(1, "the table 'pos_embed' is not stored: it is made again, of sines and cosines, for (1, 4, 8)");
    CHECK_OK(ctx, tr_model_network(m, &(tr_net_options){.dtype = TR_F64, .trained = true}, &again));
    tr_array value = tr_params_value(tr_net_params(again), 0);
    CHECK_OK(ctx, tr_array_get_f64(&value, made));
    CHECK(memcmp(table, made, sizeof table) == 0);
    tr_net_destroy(&again);
    tr_model_close(&m);
  }
  tr_model *m;
  CHECK_ERROR(
      ctx, tr_model_open(ctx, file("pos_embed", NULL, "{" SIZES "}"), NULL, &m), TR_E_SHAPE,
      "lack the tensor 'pos_embed' of shape (1, tokens, hidden): the table of sines and cosines can be made");
  CHECK_ERROR(ctx, tr_model_open(ctx, file("pos_embed", NULL, "{" SIZES ", \"input_size\": 5}"), NULL, &m),
              TR_E_SHAPE, "latents of side 5 cannot be cut into patches of side 2");
}

/* Weights of no known network are looked at, not opened. */
static void unknown(void) {
  tr_model *m;
  const tr_model_options look = {.open = true};
  CHECK_ERROR(ctx, tr_model_open(ctx, file(NULL, "blocks.0.attn.q_norm.weight", "{}"), NULL, &m),
              TR_E_UNSUPPORTED, "seem to be of a SiT with qk-norm");
  CHECK_OK(ctx, tr_model_open(ctx, file(NULL, "blocks.0.attn.q_norm.weight", "{}"), &look, &m));
  CHECK(m && !m->config.type && strstr(m->unknown, "qk-norm") && m->weights.n > 20);
  CHECK(tr_model_told_by(m, "num_heads") == TR_TOLD_OTHERWISE);
  tr_model_close(&m);
}

/* One of several files lacks what stands in the others. */
static void single_shard(void) {
  char path[400], shard[500];
  tr_model *m;
  size_t size;
  snprintf(path, sizeof path, "%s", file("final_layer", NULL, "{" SIZES "}"));
  snprintf(shard, sizeof shard, "%s", scratch("model-00001-of-00002.safetensors"));
  unsigned char *bytes = read_whole(path, &size);
  write_whole(shard, bytes, size);
  free(bytes);
  CHECK_ERROR(ctx, tr_model_open(ctx, path, NULL, &m), TR_E_SHAPE,
              "lack the tensor 'final_layer.linear.weight'");
  CHECK_ERROR(ctx, tr_model_open(ctx, shard, NULL, &m), TR_E_SHAPE,
              "is one of several files of a checkpoint: give their index");
}

static tr_status no_field(tr_times t, const tr_array *x, const tr_cond *cond, tr_array *f, void *user) {
  (void)t, (void)cond, (void)user;
  return tr_array_copy(x, f);
}

static void clocks(void) {
  tr_drift *drift, *callback;
  const tr_net_clock wrong = {.at_noise = NAN, .at_data = 1, .factor = 1}, right = {0, 1, 1};
  CHECK_OK(ctx, tr_drift_of_net(net, TR_VELOCITY, &drift));
  CHECK_ERROR(ctx, tr_drift_set_clock(drift, &wrong), TR_E_ARG, "finite values are needed");
  CHECK_OK(ctx, tr_drift_create_callback(ctx, "mine", TR_VELOCITY, no_field, NULL, &callback));
  CHECK_ERROR(ctx, tr_drift_set_clock(callback, &right), TR_E_ARG, "the provider mine is no network");
  tr_drift_destroy(&callback);
  tr_drift_destroy(&drift);
}

int main(int argc, char **argv) {
  ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  tr_ctx_on_warning(ctx, on_warning, NULL);
  make_net();
  directions();
  projectors();
  dit();
  path_params();
  assumed();
  tables();
  unknown();
  single_shard();
  clocks();
  tr_net_destroy(&net);
  tr_net_config_clear(&config);
  tr_ctx_close(&ctx);
  return check_report();
}
