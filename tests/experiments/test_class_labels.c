/* Classes at random, addressed by seed and sample and evenly spread; as many of each, or refused; numbers as
 * before. */
#include <stdlib.h>

#include "experiments/input/class_labels.h"
#include "tests/support/check.h"

static const tr_net_info ten = {.num_classes = 10, .null_class = 10}, none = {.null_class = -1};
static const tr_int_list random_ = {.given = "random"}, balanced = {.given = "balanced"}, unset = {0};

static int32_t *make(tr_ctx *ctx, const tr_int_list *given, long n) {
  int32_t *labels = NULL;
  CHECK_OK(ctx, class_labels_make(ctx, &ten, given, n, &labels));
  return labels;
}

/* The chi-square of ten classes has mean 9 and standard deviation 4.2. */
static void at_random(tr_ctx *ctx) {
  enum { N = 20000 };
  int32_t *labels = make(ctx, &random_, N), *fewer = make(ctx, &random_, 100);
  int count[10] = {0}, differ = 0;
  double square = 0;
  for (int i = 0; i < N; i++) {
    CHECK(labels[i] >= 0 && labels[i] < 10);
    count[labels[i]]++;
    differ += labels[i] != i % 10;
  }
  for (int k = 0; k < 10; k++) square += (count[k] - N / 10.0) * (count[k] - N / 10.0) / (N / 10.0);
  CHECK(square < 9 + 5 * 4.2);
  CHECK(differ > N / 2);
  CHECK(memcmp(labels, fewer, 100 * sizeof *labels) == 0); /* the first of many are the same */
  tr_ctx *other;
  CHECK_OK(ctx, tr_ctx_open("cpu", 98765, &other, NULL));
  int32_t *others = make(other, &random_, 100);
  CHECK(memcmp(labels, others, 100 * sizeof *labels) != 0);
  tr_ctx_close(&other);
  free(labels);
  free(fewer);
  free(others);
}

static void as_many_of_each(tr_ctx *ctx) {
  int32_t *labels = make(ctx, &balanced, 30);
  for (int i = 0; i < 30; i++) CHECK(labels[i] == i % 10);
  free(labels);
  CHECK_ERROR(ctx, class_labels_make(ctx, &ten, &balanced, 33, &labels), TR_E_ARG,
              "33 samples are no multiple of the 10 classes: use 40");
  CHECK(class_labels_count(&ten, &balanced, 8) == 10 && class_labels_count(&ten, &random_, 8) == 8);
}

static void others(tr_ctx *ctx) {
  long three[] = {4, 2, 9};
  const tr_int_list list = {.n = 3, .v = three, .given = "@labels.txt"};
  int32_t *labels = make(ctx, &list, 3);
  CHECK(labels[0] == 4 && labels[1] == 2 && labels[2] == 9);
  free(labels);
  CHECK(class_labels_count(&ten, &list, 8) == 3 && class_labels_count(&ten, &unset, 8) == 8);
  CHECK(class_labels_unset(&unset) && !class_labels_unset(&list) && !class_labels_unset(&random_));
  CHECK_ERROR(ctx, class_labels_make(ctx, &none, &random_, 3, &labels), TR_E_ARG,
              "random: this model is unconditional");
  CHECK_OK(ctx, class_labels_make(ctx, &none, &unset, 3, &labels));
  CHECK(labels == NULL);
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  at_random(ctx);
  as_many_of_each(ctx);
  others(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
