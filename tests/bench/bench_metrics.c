/* What the metrics of pictures cost, on features drawn at random: seconds, those of all threads together on
 * the processor, and the most memory that the process has held by the end of each. Statistics are streamed,
 * and come first, so that their memory is theirs. The interval of FID and the Inception Score have all
 * features in memory (f32), which are counted. usage: bench_metrics [--samples 50000] [--features 2048]
 * [--neighbours 10000] [--threads N] [--statistics-only] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "experiments/evaluate/metrics/frechet.h"
#include "experiments/evaluate/metrics/inception_score.h"
#include "experiments/evaluate/metrics/kernel_distance.h"
#include "experiments/evaluate/metrics/precision_recall.h"
#include "experiments/output/machine.h"
#include "tests/support/seconds.h"

typedef struct {
  tr_ctx *ctx;
  int64_t samples, features, neighbours;
  bool statistics_only;
} bench;

static void need(tr_ctx *ctx, tr_status status) {
  if (status == TR_OK) return;
  fprintf(stderr, "bench_metrics: %s\n", tr_ctx_error(ctx)->message);
  exit(1);
}

/* On the clock, and of all threads. */
typedef struct {
  double clock, cpu;
} moment;

static moment now(void) {
  return (moment){seconds_now(), seconds_of_processors()};
}

static void report(const char *what, moment since) {
  const moment end = now();
  printf("%-44s %8.2f s %8.2f s of processor %6.0f MiB\n", what, end.clock - since.clock, end.cpu - since.cpu,
         machine_peak_resident());
  fflush(stdout);
}

/* Rows like features behind a ReLU: half of them 0, neighbours alike. */
static void draw(int side, int64_t first, int64_t n, int64_t d, float *out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t state = (uint32_t)((first + i) * 2654435761u) ^ (uint32_t)(side * 40503u + 1);
    float before = 0;
    for (int64_t k = 0; k < d; k++) {
      state = state * 1664525u + 1013904223u;
      before = 0.5f * before + (float)((int32_t)state) * 0x1p-31f * (1 + 0.2f * (float)side);
      out[i * d + k] = before > 0 ? before : 0;
    }
  }
}

static metric_gaussian stream(const bench *b, int side) {
  enum { BATCH = 64 };
  float *rows = malloc(sizeof *rows * (size_t)(BATCH * b->features));
  metric_moments *m;
  metric_gaussian out;
  if (!rows) exit(1);
  need(b->ctx, metric_moments_create(b->ctx, "bench", b->features, &m));
  for (int64_t at = 0; at < b->samples; at += BATCH) {
    const int64_t n = b->samples - at < BATCH ? b->samples - at : BATCH;
    draw(side, at, n, b->features, rows);
    need(b->ctx, metric_moments_add(m, TR_F32, n, rows));
  }
  need(b->ctx, metric_moments_finish(&m, &out));
  free(rows);
  return out;
}

static metric_rows in_memory(const bench *b, int side, int64_t n) {
  float *rows = malloc(sizeof *rows * (size_t)(n * b->features));
  if (!rows) exit(1);
  draw(side, 0, n, b->features, rows);
  return (metric_rows){"bench", n, b->features, TR_F32, rows};
}

static void distances(const bench *b, const metric_gaussian *a, const metric_gaussian *c) {
  moment since = now();
  double value;
  metric_value found;
  need(b->ctx, metric_frechet(b->ctx, a, c, &value));
  report("Frechet distance of two statistics", since);
  const metric_rows rows_a = in_memory(b, 0, b->samples), rows_c = in_memory(b, 1, b->samples);
  since = now();
  need(b->ctx, metric_frechet_interval(b->ctx, a, &rows_a, c, &rows_c, 1, &found));
  report("the same with its interval", since);
  printf("  %.6f (%.6f to %.6f)\n", found.value, found.low, found.high);
  free((void *)rows_a.data), free((void *)rows_c.data);
}

static void samples(const bench *b) {
  const int64_t n = b->neighbours, classes = 1008;
  const metric_rows a = in_memory(b, 0, n), c = in_memory(b, 1, n);
  moment since = now();
  metric_coverage coverage;
  metric_value found;
  need(b->ctx, metric_precision_recall(b->ctx, &a, &c, 3, 1, &coverage, NULL));
  report("precision and recall of the neighbours", since);
  metric_subsets subsets;
  since = now();
  need(b->ctx, metric_subsets_draw(b->ctx, 1, METRIC_KID_SUBSETS, n < METRIC_KID_SIZE ? n : METRIC_KID_SIZE,
                                   n, n, &subsets));
  need(b->ctx, metric_kid(b->ctx, &a, &c, &subsets, 1, &found, NULL));
  report("KID in 100 subsets of 1000", since);
  metric_subsets_free(&subsets);
  free((void *)a.data), free((void *)c.data);
  float *logits = malloc(sizeof *logits * (size_t)(b->samples * classes));
  if (!logits) exit(1);
  draw(0, 0, b->samples, classes, logits);
  const metric_rows rows = {"bench", b->samples, classes, TR_F32, logits};
  since = now();
  need(b->ctx, metric_inception_score(b->ctx, &(metric_classes){&rows, true}, &METRIC_SPLIT_DEFAULT, 1,
                                      &found, NULL));
  report("Inception Score, 1008 classes", since);
  free(logits);
}

static void parse(int argc, char **argv, bench *b) {
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "0";
    if (strcmp(argv[i], "--statistics-only") == 0)
      b->statistics_only = true;
    else if (strcmp(argv[i], "--samples") == 0)
      b->samples = atoll(value), i++;
    else if (strcmp(argv[i], "--features") == 0)
      b->features = atoll(value), i++;
    else if (strcmp(argv[i], "--neighbours") == 0)
      b->neighbours = atoll(value), i++;
    else if (strcmp(argv[i], "--threads") == 0)
      need(b->ctx, tr_ctx_set_threads(b->ctx, atoi(value))), i++;
    else
      fprintf(stderr, "bench_metrics: unknown argument '%s'\n", argv[i]), exit(2);
  }
}

int main(int argc, char **argv) {
  bench b = {.samples = 50000, .features = 2048, .neighbours = 10000};
  tr_error error;
  if (tr_ctx_open("cpu", 0, &b.ctx, &error) != TR_OK) {
    fprintf(stderr, "bench_metrics: %s\n", error.message);
    return 1;
  }
  parse(argc, argv, &b);
  printf("%lld samples of %lld features, %lld neighbours, %d threads\n", (long long)b.samples,
         (long long)b.features, (long long)b.neighbours, tr_ctx_threads(b.ctx));
  moment since = now();
  metric_gaussian first = stream(&b, 0);
  report("statistics, streamed", since);
  if (!b.statistics_only) {
    metric_gaussian second = stream(&b, 1);
    distances(&b, &first, &second);
    metric_gaussian_free(&second);
    samples(&b);
  }
  metric_gaussian_free(&first);
  tr_ctx_close(&b.ctx);
  return 0;
}
