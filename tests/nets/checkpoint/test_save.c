/* Checkpoints written and read back: sets, arguments and every element of both formats, types of tensors,
 * strides, alignment, the same bytes again; steps of an optimiser, a full disk and what is
 * refused. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/vec/vec.h"
#include "nets/checkpoint/checkpoint.h"
#include "nets/checkpoint/write/save.h"
#include "tests/support/check.h"
#include "tests/support/problems/matrices.h"
#include "tests/support/scratch.h"

/* TR_TEST_RESOURCES */

enum { ROWS = 5, COLS = 7 };

typedef struct {
  tr_array *weight, *bias, *wide;
  tr_saved_tensor model[3], ema[3];
  tr_saved_set sets[2];
  tr_saved_adamw adamw;
} content;

static void open_content(tr_ctx *ctx, content *c) {
  *c = (content){.weight = matrix(ctx, TR_F32, ROWS, COLS, 1),
                 .bias = matrix(ctx, TR_F32, 1, COLS, 2),
                 .wide = matrix(ctx, TR_F64, 3, 1, 3)};
  const tr_saved_tensor model[3] = {{.name = "layer.weight", .array = c->weight},
                                    {.name = "layer.bias", .array = c->bias},
                                    {.name = "other", .array = c->wide}};
  memcpy(c->model, model, sizeof model);
  memcpy(c->ema, model, sizeof model);
  c->ema[0].array = c->model[0].array;
  c->sets[0] = (tr_saved_set){"model", 3, c->model};
  c->sets[1] = (tr_saved_set){"ema", 3, c->ema};
  c->adamw = (tr_saved_adamw){.rate = 1e-4,
                              .beta1 = 0.9,
                              .beta2 = 0.999,
                              .eps = 1e-8,
                              .step = 17,
                              .n = 3,
                              .first = c->model,
                              .second = c->ema};
}

static void close_content(content *c) {
  tr_array_destroy(&c->weight);
  tr_array_destroy(&c->bias);
  tr_array_destroy(&c->wide);
}

static const tr_saved_arg args[] = {{.name = "model", .kind = TR_SAVED_TEXT, .text = "SiT-S/2"},
                                    {.name = "num_classes", .kind = TR_SAVED_INT, .integer = 10},
                                    {.name = "global_seed", .kind = TR_SAVED_INT, .integer = -5000000000},
                                    {.name = "cfg_scale", .kind = TR_SAVED_REAL, .real = 0.1},
                                    {.name = "loss_weight", .kind = TR_SAVED_NONE},
                                    {.name = "wandb", .kind = TR_SAVED_BOOL, .integer = 1}};
enum { ARGS = sizeof args / sizeof *args };
static const char *const spelled[ARGS] = {"SiT-S/2", "10", "-5000000000", "0.1", "None", "True"};

static void same_tensor(tr_ctx *ctx, const tr_tensors *got, const tr_saved_tensor *want) {
  const tr_tensor *t = tr_tensors_find(got, want->name);
  CHECK(t && t->dtype == want->array->dtype && t->ndim == 2 && t->count == want->array->count);
  if (!t) return;
  double *have = malloc((size_t)t->count * sizeof *have), *expected = values(want->array);
  CHECK(t->shape[0] == want->array->shape[0] && t->shape[1] == want->array->shape[1]);
  CHECK_OK(ctx, tr_tensor_to_f64(ctx, t, have));
  CHECK(!memcmp(have, expected, (size_t)t->count * sizeof *have));
  free(have), free(expected);
}

static void same_set(tr_ctx *ctx, const tr_checkpoint *checkpoint, const char *name,
                     const tr_saved_set *set) {
  tr_tensors got = {0};
  CHECK_OK(ctx, tr_checkpoint_weights(ctx, checkpoint, name, &got));
  CHECK(got.n == set->n);
  for (int i = 0; i < set->n; i++) same_tensor(ctx, &got, &set->items[i]);
}

static void same_args(const tr_checkpoint *checkpoint) {
  for (int i = 0; i < ARGS; i++) {
    const char *got = tr_checkpoint_arg(checkpoint, args[i].name);
    CHECK(got && !strcmp(got, spelled[i]));
  }
}

/* Two files have the same bytes. */
static bool same_files(tr_ctx *ctx, const char *a, const char *b) {
  tr_file_map first, second;
  CHECK_OK(ctx, tr_file_map_open(ctx, a, &first));
  CHECK_OK(ctx, tr_file_map_open(ctx, b, &second));
  bool same = first.size == second.size && !memcmp(first.data, second.data, first.size);
  tr_file_map_close(&first);
  tr_file_map_close(&second);
  return same;
}

static void torch(tr_ctx *ctx, const content *c) {
  tr_checkpoint *checkpoint;
  const char *path = scratch("a.pt"), *again = scratch("b.pt");
  const tr_saved all = {.n_sets = 2, .sets = c->sets, .adamw = &c->adamw, .n_args = ARGS, .args = args};
  CHECK_OK(ctx, tr_torch_save(ctx, path, &all));
  CHECK_OK(ctx, tr_torch_save(ctx, again, &all));
  CHECK(same_files(ctx, path, again));
  CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &checkpoint));
  CHECK(!strcmp(tr_checkpoint_format(checkpoint), "pt-zip"));
  same_set(ctx, checkpoint, "model", &c->sets[0]);
  same_set(ctx, checkpoint, "ema", &c->sets[1]);
  same_args(checkpoint);
  tr_checkpoint_close(&checkpoint);
  const tr_saved bare = {.n_sets = 1, .sets = c->sets, .bare = true};
  CHECK_OK(ctx, tr_torch_save(ctx, path, &bare));
  CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &checkpoint));
  CHECK(!strcmp(tr_checkpoint_set_name(checkpoint, 0), "weights"));
  same_set(ctx, checkpoint, NULL, &c->sets[0]);
  tr_checkpoint_close(&checkpoint);
}

static void safetensors(tr_ctx *ctx, const content *c) {
  tr_checkpoint *checkpoint;
  const char *path = scratch("a.safetensors"), *again = scratch("b.safetensors");
  CHECK_OK(ctx, tr_safetensors_save(ctx, path, &c->sets[0], ARGS, args));
  CHECK_OK(ctx, tr_safetensors_save(ctx, again, &c->sets[0], ARGS, args));
  CHECK(same_files(ctx, path, again));
  CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &checkpoint));
  CHECK(!strcmp(tr_checkpoint_format(checkpoint), "safetensors"));
  same_set(ctx, checkpoint, NULL, &c->sets[0]);
  same_args(checkpoint);
  tr_checkpoint_close(&checkpoint);
}

/* From one format to the other and back: tensors of a checkpoint of any type, one of them with strides. */
static void tensors(tr_ctx *ctx) {
  static const uint16_t halves[6] = {0x3f80, 0x4000, 0x4040, 0xbf80, 0, 0x3f00};
  static const int64_t whole[2] = {-3, INT64_MAX};
  static const float turned[6] = {1, 4, 2, 5, 3, 6};
  const tr_tensor source[] = {
      {.dtype = TR_BF16, .ndim = 2, .shape = {2, 3}, .stride = {3, 1}, .count = 6, .data = halves},
      {.dtype = TR_I64, .ndim = 1, .shape = {2}, .stride = {1}, .count = 2, .data = whole},
      {.dtype = TR_F32, .ndim = 2, .shape = {2, 3}, .stride = {1, 2}, .count = 6, .data = turned},
      {.dtype = TR_F32, .ndim = 0, .count = 1, .data = turned}};
  const tr_saved_tensor items[] = {{.name = "halves", .tensor = &source[0]},
                                   {.name = "whole", .tensor = &source[1]},
                                   {.name = "turned", .tensor = &source[2]},
                                   {.name = "scalar", .tensor = &source[3]}};
  const tr_saved_set set = {"model", 4, items};
  for (int i = 0; i < 2; i++) {
    tr_checkpoint *checkpoint;
    tr_tensors got;
    double numbers[6];
    const char *path = scratch(i ? "types.pt" : "types.safetensors");
    if (i)
      CHECK_OK(ctx, tr_torch_save(ctx, path, &(tr_saved){.n_sets = 1, .sets = &set, .bare = true}));
    else
      CHECK_OK(ctx, tr_safetensors_save(ctx, path, &set, 0, NULL));
    CHECK_OK(ctx, tr_checkpoint_open(ctx, path, &checkpoint));
    CHECK_OK(ctx, tr_checkpoint_weights(ctx, checkpoint, NULL, &got));
    const tr_tensor *t = tr_tensors_find(&got, "turned"), *h = tr_tensors_find(&got, "halves"),
                    *w = tr_tensors_find(&got, "whole"), *s = tr_tensors_find(&got, "scalar");
    CHECK(t && h && w && s && h->dtype == TR_BF16 && w->dtype == TR_I64 && s->ndim == 0);
    CHECK_OK(ctx, tr_tensor_to_f64(ctx, t, numbers));
    for (int k = 0; k < 6; k++) CHECK(numbers[k] == k + 1);
    CHECK(!memcmp(h->data, halves, sizeof halves) && !memcmp(w->data, whole, sizeof whole));
    if (i) CHECK((uintptr_t)t->data % 64 == 0 && (uintptr_t)h->data % 64 == 0);
    tr_checkpoint_close(&checkpoint);
  }
}

static void refused(tr_ctx *ctx, const content *c) {
  const char *path = scratch("refused.pt");
  const tr_saved_tensor twice[] = {{.name = "a", .array = c->bias}, {.name = "a", .array = c->bias}};
  const tr_saved_tensor empty[] = {{.name = "a"}}, nameless[] = {{.name = "", .array = c->bias}};
  const tr_saved_set bad[] = {
      {"model", 2, twice}, {"model", 1, empty}, {"model", 1, nameless}, {NULL, 1, c->model}};
  const char *const words[] = {"called 'a'", "an array or a tensor", "needs a name", "needs a name"};
  for (int i = 0; i < 4; i++) {
    CHECK_ERROR(ctx, tr_torch_save(ctx, path, &(tr_saved){.n_sets = 1, .sets = &bad[i]}), TR_E_ARG, words[i]);
    CHECK_ERROR(ctx, tr_safetensors_save(ctx, path, &bad[i], 0, NULL), TR_E_ARG, words[i]);
  }
  CHECK_ERROR(ctx, tr_torch_save(ctx, path, &(tr_saved){0}), TR_E_ARG, "without tensors");
  CHECK_ERROR(ctx, tr_torch_save(ctx, path, &(tr_saved){.n_sets = 2, .sets = c->sets, .bare = true}),
              TR_E_ARG, "bare");
  static const uint16_t u16[1] = {1};
  const tr_tensor odd = {.dtype = TR_U16, .ndim = 1, .shape = {1}, .stride = {1}, .count = 1, .data = u16};
  const tr_saved_tensor lone[] = {{.name = "odd", .tensor = &odd}};
  const tr_saved_set unsupported = {"model", 1, lone};
  CHECK_ERROR(ctx, tr_torch_save(ctx, path, &(tr_saved){.n_sets = 1, .sets = &unsupported}), TR_E_UNSUPPORTED,
              "u16");
  CHECK(access(path, F_OK) != 0);
  CHECK_ERROR(ctx, tr_torch_save(ctx, scratch("none/a.pt"), &(tr_saved){.n_sets = 2, .sets = c->sets}),
              TR_E_IO, "none");
}

/* Neither writer takes this tensor, and nothing is left. */
static void no_tensor(tr_ctx *ctx, const tr_saved_tensor *item, tr_status status, const char *word) {
  const tr_saved_set set = {"model", 1, item};
  const int entries = scratch_entries();
  CHECK_ERROR(ctx, tr_torch_save(ctx, scratch("no.pt"), &(tr_saved){.n_sets = 1, .sets = &set}), status,
              word);
  CHECK_ERROR(ctx, tr_safetensors_save(ctx, scratch("no.safetensors"), &set, 0, NULL), status, word);
  CHECK(scratch_entries() == entries);
}

static void refused_tensors(tr_ctx *ctx, const content *c) {
  static const double data[2] = {1, 2};
  const tr_tensor good = tr_tensor_of_f64("w", 1, (int64_t[]){2}, data);
  const tr_array zeroed_array = {0};
  tr_tensor zeroed = {0}, foreign = good, type = good, dims = good, count = good, lost = good,
            negative = good;
  tr_array unknown = *c->bias;
  foreign.foreign = "F8_E4M3", foreign.data = NULL;
  type.dtype = TR_N_DTYPES, unknown.dtype = (tr_dtype)-1;
  dims.ndim = TR_MAX_DIMS + 1, count.count = 3, lost.data = NULL, negative.shape[0] = -2;
  no_tensor(ctx, &(tr_saved_tensor){.name = "w8", .tensor = &foreign}, TR_E_UNSUPPORTED,
            "tensor 'w8' holds F8_E4M3");
  no_tensor(ctx, &(tr_saved_tensor){.name = "w", .tensor = &type}, TR_E_ARG, "has type");
  no_tensor(ctx, &(tr_saved_tensor){.name = "w", .array = &unknown}, TR_E_ARG, "has type");
  const tr_tensor *const torn[] = {&zeroed, &dims, &count, &lost, &negative};
  for (int i = 0; i < 5; i++)
    no_tensor(ctx, &(tr_saved_tensor){.name = "w", .tensor = torn[i]}, TR_E_ARG, "'w' is not whole");
  no_tensor(ctx, &(tr_saved_tensor){.name = "w", .array = &zeroed_array}, TR_E_ARG, "'w' is not whole");
  no_tensor(ctx, &(tr_saved_tensor){.name = "\xff", .tensor = &good}, TR_E_ARG, "not UTF-8");
  const tr_saved_set reserved = {"model", 1, &(tr_saved_tensor){.name = "__metadata__", .tensor = &good}};
  CHECK_ERROR(ctx, tr_safetensors_save(ctx, scratch("no.safetensors"), &reserved, 0, NULL), TR_E_ARG,
              "'__metadata__'");
}

static void refused_args(tr_ctx *ctx, const content *c) {
  static const tr_saved_arg bad[][2] = {{{.name = NULL}},
                                        {{.name = "a", .kind = TR_SAVED_TEXT}},
                                        {{.name = "a", .kind = (tr_saved_kind)99}},
                                        {{.name = "a", .kind = (tr_saved_kind)-1}},
                                        {{.name = "\xff"}},
                                        {{.name = "a", .kind = TR_SAVED_TEXT, .text = "\xff"}},
                                        {{.name = "a"}, {.name = "a"}},
                                        {{.name = "a"}}};
  static const struct {
    int n;
    const char *word;
  } want[] = {{1, "lacks its name"},
              {1, "lacks its name or its text"},
              {1, "kind 99"},
              {1, "kind -1"},
              {1, "not UTF-8"},
              {1, "not UTF-8"},
              {2, "two arguments are called 'a'"},
              {-1, "-1 arguments"}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    const tr_saved all = {.n_sets = 2, .sets = c->sets, .n_args = want[i].n, .args = bad[i]};
    CHECK_ERROR(ctx, tr_torch_save(ctx, scratch("no.pt"), &all), TR_E_ARG, want[i].word);
    CHECK_ERROR(ctx, tr_safetensors_save(ctx, scratch("no.st"), c->sets, want[i].n, bad[i]), TR_E_ARG,
                want[i].word);
  }
  const tr_saved none = {.n_sets = 2, .sets = c->sets, .n_args = 3};
  CHECK_ERROR(ctx, tr_torch_save(ctx, scratch("no.pt"), &none), TR_E_ARG, "args is NULL");
  CHECK_ERROR(ctx, tr_safetensors_save(ctx, scratch("no.st"), c->sets, 3, NULL), TR_E_ARG, "args is NULL");
}

static void refused_names(tr_ctx *ctx, const content *c) {
  const tr_saved_set twice[] = {c->sets[0], c->sets[0]}, opt = {"opt", 3, c->model},
                     of_args = {"args", 3, c->model};
  const char *path = scratch("no.pt");
  CHECK_ERROR(ctx, tr_torch_save(ctx, path, &(tr_saved){.n_sets = 2, .sets = twice}), TR_E_ARG,
              "two sets are called 'model'");
  CHECK_ERROR(ctx, tr_torch_save(ctx, path, &(tr_saved){.n_sets = 1, .sets = &opt, .adamw = &c->adamw}),
              TR_E_ARG, "a set is called 'opt'");
  CHECK_ERROR(ctx,
              tr_torch_save(ctx, path, &(tr_saved){.n_sets = 1, .sets = &of_args, .n_args = 1, .args = args}),
              TR_E_ARG, "a set is called 'args'");
}

static void refused_adamw(tr_ctx *ctx, const content *c) {
  const tr_saved_adamw good = c->adamw;
  const tr_saved_tensor lone[3] = {c->model[0], {.name = "none"}, {.name = "none"}};
  tr_saved_adamw bad[6] = {good, good, good, good, good, good};
  static const char *const words[6] = {"-3 parameters", "first and second", "first and second",
                                       "-1 steps",      "4294967296 steps", "parameter 1 of the optimiser"};
  bad[0].n = -3, bad[1].first = NULL, bad[2].second = NULL, bad[3].step = -1, bad[4].step = (int64_t)1 << 32;
  bad[5].second = lone;
  for (int i = 0; i < 6; i++)
    CHECK_ERROR(
        ctx,
        tr_torch_save(ctx, scratch("no.pt"), &(tr_saved){.n_sets = 2, .sets = c->sets, .adamw = &bad[i]}),
        TR_E_ARG, words[i]);
}

/* A step is read back, also where f32 cannot hold it. */
static void steps(tr_ctx *ctx, const content *c) {
  static const int64_t all[] = {0, 17, 1 << 24, (1 << 24) + 1, UINT32_MAX};
  for (int i = 0; i < 5; i++) {
    tr_checkpoint *checkpoint;
    tr_moments moments;
    tr_saved_adamw adamw = c->adamw;
    adamw.step = all[i];
    CHECK_OK(ctx, tr_torch_save(ctx, scratch("steps.pt"),
                                &(tr_saved){.n_sets = 2, .sets = c->sets, .adamw = &adamw}));
    CHECK_OK(ctx, tr_checkpoint_open(ctx, scratch("steps.pt"), &checkpoint));
    CHECK_OK(ctx, tr_checkpoint_moments(ctx, checkpoint, &moments));
    CHECK(moments.steps == all[i] && moments.first.n == 3);
    tr_checkpoint_close(&checkpoint);
  }
}

/* A limit on the size of files stands in for a full disk: an error, what was there stays, nothing is left
 * over. */
static void full_disk(tr_ctx *ctx, const content *c) {
  const char *path = scratch("full.pt"), *kept = scratch("kept.pt");
  const tr_saved all = {.n_sets = 2, .sets = c->sets, .adamw = &c->adamw, .n_args = ARGS, .args = args};
  struct rlimit before;
  tr_array *big = matrix(ctx, TR_F32, 256, 256, 4);
  CHECK_OK(ctx, tr_torch_save(ctx, path, &all));
  CHECK_OK(ctx, tr_torch_save(ctx, kept, &all));
  const int entries = scratch_entries();
  CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 300, .rlim_max = before.rlim_max}) == 0);
  CHECK_ERROR(ctx, tr_torch_save(ctx, path, &all), TR_E_IO, "full.pt");
  CHECK_ERROR(ctx, tr_safetensors_save(ctx, scratch("full.safetensors"), &c->sets[0], 0, NULL), TR_E_IO,
              "full.safetensors");
  const tr_saved_set large = {"model", 1, &(tr_saved_tensor){.name = "large", .array = big}};
  CHECK_ERROR(ctx, tr_safetensors_save(ctx, scratch("large.safetensors"), &large, 0, NULL), TR_E_IO,
              strerror(EFBIG));
  CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
  tr_array_destroy(&big);
  CHECK(scratch_entries() == entries && same_files(ctx, path, kept));
}

int main(int argc, char **argv) {
  signal(SIGXFSZ, SIG_IGN);
  tr_ctx *ctx = check_context(argc, argv);
  content c;
  open_content(ctx, &c);
  torch(ctx, &c);
  safetensors(ctx, &c);
  tensors(ctx);
  refused(ctx, &c);
  refused_tensors(ctx, &c);
  refused_args(ctx, &c);
  refused_names(ctx, &c);
  refused_adamw(ctx, &c);
  steps(ctx, &c);
  full_disk(ctx, &c);
  close_content(&c);
  tr_ctx_close(&ctx);
  return check_report();
}
