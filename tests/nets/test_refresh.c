/* Parameters of networks: after their values have changed and a refresh, forward, products and gradients are
 * those of a network made with these values, bit for bit; what a network holds in memory; how training
 * begins. */
/* TR_TEST_RESOURCES */
#include <stdlib.h>

#include "core/vec/vec.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/register.h"
#include "tests/support/check.h"
#include "tests/support/golden.h"
#include "tests/support/nets/networks.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/problems/scene.h"

enum { TENSORS_MOST = 64, ROWS = 3 };

/* The values of a network's parameters as tensors on the host. */
typedef struct {
  int n;
  tr_tensor items[TENSORS_MOST];
  double *data[TENSORS_MOST];
} taken;

static void take(tr_ctx *ctx, const tr_net *net, taken *out) {
  const tr_params *params = tr_net_params(net);
  *out = (taken){.n = tr_params_n(params)};
  if (out->n > TENSORS_MOST) exit(1);
  for (int i = 0; i < out->n; i++) {
    const tr_param_entry *entry = tr_params_entry(params, i);
    tr_array value = tr_params_value(params, i);
    out->data[i] = values(&value);
    out->items[i] = tr_tensor_of_f64(entry->name, entry->ndim, entry->shape, out->data[i]);
  }
  CHECK(!tr_ctx_failed(ctx));
}

static void give_back(taken *t) {
  for (int i = 0; i < t->n; i++) free(t->data[i]);
}

/* ---- everything that a network gives ---- */

typedef struct {
  double *f, *wJ, *Jv, *gradient;
} answers;

static double *gradient_of(tr_ctx *ctx, tr_net *net, const scene *s) {
  const tr_cond cond = scene_cond(s, 0, s->rows);
  tr_array *gradient;
  CHECK_OK(ctx, tr_params_like(tr_net_params(net), &gradient));
  CHECK_OK(ctx,
           tr_net_backward(net, scene_times(s, 0, s->rows), s->x, &cond,
                           &(tr_net_backward_args){.want = TR_GRAD_PARAMS, .w = s->w, .gradient = gradient}));
  double *all = values(gradient);
  tr_array_destroy(&gradient);
  return all;
}

static answers ask(tr_ctx *ctx, tr_net *net, const scene *s) {
  const tr_cond cond = scene_cond(s, 0, s->rows);
  const tr_times times = scene_times(s, 0, s->rows);
  tr_drift *drift;
  tr_array *f, *wJ, *Jv;
  CHECK_OK(ctx, tr_drift_of_net(net, TR_VELOCITY, &drift));
  CHECK_OK(ctx, tr_array_like(s->x, &f));
  CHECK_OK(ctx, tr_array_like(s->x, &wJ));
  CHECK_OK(ctx, tr_array_like(s->x, &Jv));
  CHECK_OK(ctx, tr_drift_vjp(drift, times, s->x, &cond, s->w, f, wJ));
  CHECK_OK(ctx, tr_drift_jvp(drift, times, s->x, &cond, s->w, Jv));
  CHECK_OK(ctx, tr_drift_eval(drift, times, s->x, &cond, f));
  answers a = {values(f), values(wJ), values(Jv), tr_net_params(net) ? gradient_of(ctx, net, s) : NULL};
  tr_array_destroy(&f), tr_array_destroy(&wJ), tr_array_destroy(&Jv);
  tr_drift_destroy(&drift);
  return a;
}

static void forget(answers *a) {
  free(a->f), free(a->wJ), free(a->Jv), free(a->gradient);
}

static bool same(const double *a, const double *b, int64_t n) {
  return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static void same_answers(const answers *a, const answers *b, const scene *s, int64_t parameters) {
  CHECK(same(a->f, b->f, s->x->count));
  CHECK(same(a->wJ, b->wJ, s->x->count));
  CHECK(same(a->Jv, b->Jv, s->x->count));
  if (a->gradient && b->gradient) CHECK(same(a->gradient, b->gradient, parameters));
}

/* ---- change and refresh ---- */

/* A step along noise of what is trained, and a change of what is frozen. */
static void change(tr_ctx *ctx, tr_net *net) {
  const tr_params *params = tr_net_params(net);
  for (int i = 0; i < tr_params_n(params); i++) {
    const tr_random_address address = {.seed = 8, .purpose = TR_RANDOM_TEST, .step = (uint32_t)i};
    tr_array value = tr_params_value(params, i), *noise;
    CHECK_OK(ctx, tr_array_like(&value, &noise));
    CHECK_OK(ctx, tr_randn(&address, noise));
    CHECK_OK(ctx, tr_axpby(1, &value, 0.05, noise, &value));
    tr_array_destroy(&noise);
  }
}

static void refreshed(tr_ctx *ctx, scene *s, const tr_net_config *config) {
  const tr_net_options options = {.dtype = s->x->dtype, .trained = true}, plain = {.dtype = s->x->dtype};
  const int64_t parameters = tr_params_values(tr_net_params(s->net))->count;
  answers before = ask(ctx, s->net, s);
  change(ctx, s->net);
  CHECK_OK(ctx, tr_net_refresh(s->net));
  answers after = ask(ctx, s->net, s);
  CHECK(!same(before.f, after.f, s->x->count) && !same(before.wJ, after.wJ, s->x->count));
  CHECK(!same(before.Jv, after.Jv, s->x->count) && !same(before.gradient, after.gradient, parameters));
  taken t;
  take(ctx, s->net, &t);
  for (int i = 0; i < 2; i++) {
    tr_net *fresh;
    CHECK_OK(ctx, tr_net_create(ctx, config, i ? &options : &plain, &(tr_tensors){.n = t.n, .items = t.items},
                                &fresh));
    answers want = ask(ctx, fresh, s);
    same_answers(&after, &want, s, parameters);
    forget(&want);
    tr_net_destroy(&fresh);
  }
  give_back(&t);
  forget(&before), forget(&after);
}

static void refreshed_sit(tr_ctx *ctx, const scene_sizes *sizes, tr_dtype dtype) {
  tr_net_config config;
  scene s;
  open_trained_scene(ctx, sizes, dtype, ROWS, &s);
  CHECK_OK(ctx, scene_configure(ctx, sizes, &config));
  refreshed(ctx, &s, &config);
  tr_net_config_clear(&config);
  close_scene(&s);
}

static void refreshed_mlp(tr_ctx *ctx, int label_rows, tr_dtype dtype) {
  weights *w = weights_of_mlp(ctx, &(weights_mlp_sizes){3, 19, 2, 6, label_rows});
  const tr_tensors all = weights_tensors(w);
  tr_net_config config;
  scene s;
  open_trained_mlp_scene(ctx, w, dtype, ROWS, &s);
  CHECK_OK(ctx, tr_net_configure(ctx, &all, NULL, &config));
  refreshed(ctx, &s, &config);
  tr_net_config_clear(&config);
  close_scene(&s);
  weights_free(w);
}

/* ---- memory ---- */

/* Bytes that a network of these sizes holds when it is there, and *more at the most while it is made. */
static int64_t held(tr_ctx *ctx, const tr_net_config *config, const tr_net_options *options, int64_t *more) {
  tr_net *net;
  const int64_t before = tr_ctx_memory(ctx);
  CHECK_OK(ctx, tr_net_create_random(ctx, config, options, TR_NET_RANDOM, 1, &net));
  const int64_t holds = tr_ctx_memory(ctx) - before;
  *more = tr_ctx_memory_peak(ctx) - before - holds;
  tr_net_destroy(&net);
  CHECK(tr_ctx_memory(ctx) == before);
  return holds;
}

/* Without parameters to train there is one copy of the weights, and one tensor more while they are loaded. */
static void memory(const char *resource) {
  const tr_net_size sizes[] = {
      {"channels", 4}, {"latent_size", 32}, {"num_classes", 1000}, {"learn_sigma", true}};
  tr_ctx *ctx;
  tr_error error;
  tr_net_config config;
  if (tr_ctx_open(resource, 1, &ctx, &error) != TR_OK) exit(1);
  CHECK_OK(ctx, tr_register_all(ctx));
  CHECK_OK(ctx, tr_net_configure_named(ctx, "SiT-S/8", 4, sizes, &config));
  int64_t more, d = 384, largest = 6 * d * d * 4, layers = (18 * d * d + 15 * d) * 12 * 4;
  const int64_t weights = layers + ((256 + d) * d + 1001 * d + 4 * 64 * d + 2 * d * d + 8 * 64 * d) * 4;
  const int64_t one = held(ctx, &config, &(tr_net_options){.dtype = TR_F32}, &more);
  CHECK(one > weights && one < weights + weights / 20);
  CHECK(more <= largest);
  const int64_t both = held(ctx, &config, &(tr_net_options){.dtype = TR_F32, .trained = true}, &more);
  CHECK(both > 19 * one / 10 && both < 21 * one / 10);
  tr_net_config_clear(&config);
  CHECK(tr_ctx_memory(ctx) == 0);
  tr_ctx_close(&ctx);
}

/* ---- how training begins ---- */

static double *parameter(tr_net *net, const char *name, int64_t *count) {
  int i = tr_params_find(tr_net_params(net), name);
  CHECK(i >= 0);
  if (i < 0) exit(check_report());
  tr_array value = tr_params_value(tr_net_params(net), i);
  *count = value.count;
  return values(&value);
}

/* The table of positions is the reference's own, to the rounding of its f32. */
static void fixed_table(tr_ctx *ctx, tr_net *net) {
  tr_checkpoint *file;
  tr_tensors weights;
  CHECK_OK(ctx, tr_checkpoint_open(ctx, TR_TEST_DATA "/goldens/ema.pt", &file));
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, file, NULL, &weights));
  const tr_tensor *tensor = tr_tensors_find(&weights, "pos_embed");
  int64_t count;
  double *got = parameter(net, "pos_embed", &count);
  CHECK(tensor && tensor->count == count);
  double *want = malloc((size_t)count * sizeof *want);
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, tensor, want));
  for (int64_t i = 0; i < count; i++) CHECK_NEAR(got[i], want[i], 1e-6);
  free(got), free(want);
  tr_checkpoint_close(&file);
}

static double largest_of(const double *x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
  return most;
}

/* Uniform within +- bound: the largest is near it, the mean square a third of its square. */
static void uniform_within(tr_net *net, const char *name, double bound) {
  int64_t n;
  double *x = parameter(net, name, &n), square = scene_dot(x, x, n) / (double)n;
  CHECK(largest_of(x, n) <= bound && largest_of(x, n) > 0.97 * bound);
  CHECK_NEAR(square, bound * bound / 3, 0.05 * bound * bound);
  free(x);
}

static void normal_of(tr_net *net, const char *name, double deviation) {
  int64_t n;
  double *x = parameter(net, name, &n), square = scene_dot(x, x, n) / (double)n;
  CHECK_NEAR(square / (deviation * deviation), 1, 0.2);
  CHECK(largest_of(x, n) > 2 * deviation);
  free(x);
}

static void zero(tr_net *net, const char *name) {
  int64_t n;
  double *x = parameter(net, name, &n);
  CHECK(n > 0 && largest_of(x, n) == 0);
  free(x);
}

static void beginnings(tr_ctx *ctx) {
  const tr_net_options options = {.dtype = TR_F64, .trained = true};
  tr_net *golden = golden_net(ctx, &options), *net;
  scene_sizes sizes = {.null_class = -1};
  sizes.channels = (int)tr_net_value(golden, "channels"), sizes.patch = (int)tr_net_value(golden, "patch");
  sizes.out_channels = (int)tr_net_value(golden, "out_channels"), sizes.heads = 3;
  sizes.grid = (int)tr_net_value(golden, "grid"), sizes.hidden = (int)tr_net_value(golden, "hidden");
  sizes.depth = (int)tr_net_value(golden, "depth"),
  sizes.mlp_hidden = (int)tr_net_value(golden, "mlp_hidden");
  sizes.time_frequencies = (int)tr_net_value(golden, "time_frequencies"), sizes.num_classes = 10;
  tr_net_destroy(&golden);
  tr_net_config config;
  CHECK_OK(ctx, scene_configure(ctx, &sizes, &config));
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, &options, TR_NET_INITIAL, 1, &net));
  const double d = sizes.hidden, mlp = sizes.mlp_hidden, area = sizes.patch * sizes.patch * sizes.channels;
  fixed_table(ctx, net);
  uniform_within(net, "x_embedder.proj.weight", sqrt(6 / (d + area)));
  uniform_within(net, "blocks.0.attn.qkv.weight", sqrt(6 / (4 * d)));
  uniform_within(net, "blocks.1.mlp.fc2.weight", sqrt(6 / (d + mlp)));
  normal_of(net, "t_embedder.mlp.2.weight", 0.02);
  normal_of(net, "y_embedder.embedding_table.weight", 0.02);
  static const char *const zeros[] = {"x_embedder.proj.bias",      "t_embedder.mlp.0.bias",
                                      "blocks.0.attn.proj.bias",   "blocks.0.adaLN_modulation.1.weight",
                                      "final_layer.linear.weight", "final_layer.adaLN_modulation.1.weight"};
  for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) zero(net, zeros[i]);
  tr_net_destroy(&net);
  CHECK_OK(ctx, tr_net_create_random(ctx, &config, &options, TR_NET_RANDOM, 1, &net));
  normal_of(net, "final_layer.linear.weight", 1 / sqrt(d)); /* nothing zero */
  normal_of(net, "pos_embed", 0.1);
  tr_net_destroy(&net);
  tr_net_config_clear(&config);
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK_OK(ctx, tr_register_all(ctx));
  for (int i = 0; i < 2; i++) {
    tr_dtype dtype = i ? TR_F64 : TR_F32;
    refreshed_sit(ctx, &scene_odd, dtype);
    refreshed_mlp(ctx, 0, dtype);
    refreshed_mlp(ctx, 5, dtype);
  }
  beginnings(ctx);
  CHECK(tr_ctx_memory(ctx) == 0);
  memory(tr_ctx_resource(ctx));
  tr_ctx_close(&ctx);
  return check_report();
}
