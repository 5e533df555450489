/* Training steps of SiT-S/2 at 32 x 32 x 4 on ranks of one thread each, against one rank alone, in turns:
 *   mpirun -n 2 build/bench_ranks [ROWS [ROUNDS [BUCKET]]], BUCKET in 2^20 numbers that are summed together
 * A turn is a step. In a round the first rank takes one with ROWS rows (8), one with as many as all ranks
 * have together, while the others wait; then all take one with ROWS each, and one whose gradient is summed
 * behind the backward instead of beside it. Printed are images per second, and the medians over the rounds
 * (5) of the ratios to the first rank alone. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/vec/vec.h"
#include "nets/train/trainer_private.h"
#include "tests/support/nets/networks.h"
#include "tests/support/seconds.h"

enum { CLASSES = 1000, MOST_ROUNDS = 100, TURNS = 4 };

typedef struct {
  tr_ctx *ctx;
  tr_comm *comm;
  tr_net *net;
  tr_trainer *trainer[TURNS];
  tr_array *x; /* of all ranks' rows */
  int32_t *labels;
  int64_t rows, rounds, bucket; /* 0: the trainer's own */
} bench;

/* Turn k: the first rank's alone for k < 2. */
static tr_status open_trainer(bench *b, int k) {
  const int size = tr_comm_size(b->comm);
  tr_trainer_options o;
  tr_trainer_defaults(&o);
  TR_TRY(tr_interpolant_find(b->ctx, "Linear", &o.loss.interpolant));
  TR_TRY(tr_prediction_find(b->ctx, "velocity", &o.loss.prediction));
  TR_TRY(tr_loss_weight_find(b->ctx, "none", &o.loss.weight));
  o.batch = k == 0 ? b->rows : b->rows * size;
  if (k < 2) return tr_comm_rank(b->comm) ? TR_OK : tr_trainer_create(b->net, &o, &b->trainer[k]);
  o.comm = b->comm;
  o.rows = b->rows;
  o.first = b->rows * tr_comm_rank(b->comm);
  TR_TRY(tr_trainer_create(b->net, &o, &b->trainer[k]));
  if (b->bucket) b->trainer[k]->bucket = b->bucket << 20;
  if (k == 3) b->trainer[k]->bucket = tr_params_values(tr_net_params(b->net))->count;
  return TR_OK;
}

static tr_status open_bench(bench *b) {
  const tr_net_size sizes[] = {
      {"channels", 4}, {"latent_size", 32}, {"num_classes", CLASSES}, {"learn_sigma", 1}};
  const tr_net_options options = {.dtype = TR_F32, .trained = true};
  const int64_t all = b->rows * tr_comm_size(b->comm);
  TR_TRY(networks_register(b->ctx));
  TR_TRY(tr_ctx_set_threads(b->ctx, 1));
  TR_TRY(tr_net_create_named(b->ctx, "SiT-S/2", sizeof sizes / sizeof *sizes, sizes, &options, 1, &b->net));
  TR_TRY(tr_array_create(b->ctx, TR_F32, 4, (int64_t[]){all, 4, 32, 32}, &b->x));
  TR_TRY(tr_randn(&(tr_random_address){.seed = 1, .purpose = TR_RANDOM_INIT}, b->x));
  b->labels = malloc((size_t)all * sizeof *b->labels);
  if (!b->labels) return TR_FAIL(b->ctx, TR_E_MEM, "out of memory for %lld labels", (long long)all);
  for (int64_t i = 0; i < all; i++) b->labels[i] = (int32_t)(i % CLASSES);
  for (int k = 0; k < TURNS; k++) TR_TRY(open_trainer(b, k));
  return TR_OK;
}

typedef struct {
  double clock, processor; /* images per second, those of all ranks */
} speed;

/* Of no use on a rank that waits. */
static tr_status turn(const bench *b, int k, speed *out) {
  tr_trainer *trainer = b->trainer[k];
  tr_train_report report;
  TR_TRY(tr_comm_barrier(b->comm));
  if (!trainer) return TR_OK;
  const tr_array x1 = tr_rows(b->x, trainer->o.first, trainer->o.rows);
  const double begun = seconds_now(), images = (double)trainer->o.batch;
  const clock_t processor = clock();
  TR_TRY(tr_trainer_step(trainer, &(tr_train_batch){.x1 = &x1, .labels = b->labels + trainer->o.first},
                         &report));
  *out = (speed){images / (seconds_now() - begun), images * CLOCKS_PER_SEC / (double)(clock() - processor)};
  return TR_OK;
}

/* Ratios of the turns of all ranks to those of one alone, round by round. */
enum { ROWS_A_RANK, ROWS_A_STEP, SUMMED_BEHIND, RATIOS };
typedef struct {
  double clock[RATIOS][MOST_ROUNDS], processor[RATIOS][MOST_ROUNDS];
} ratios;

static void note(const speed s[TURNS], int64_t round, ratios *out) {
  static const int over[RATIOS][2] = {{2, 0}, {2, 1}, {3, 1}};
  for (int i = 0; i < RATIOS; i++) {
    out->clock[i][round] = s[over[i][0]].clock / s[over[i][1]].clock;
    out->processor[i][round] = s[over[i][0]].processor / s[over[i][1]].processor;
  }
  printf("%7.2f %7.2f %7.2f %7.2f\n", s[0].clock, s[1].clock, s[2].clock, s[3].clock);
  fflush(stdout);
}

static void conclude(const char *by, double ratio[RATIOS][MOST_ROUNDS], int64_t n) {
  printf("%s: %.2f of as many rows a rank, %.2f of as many a step (%.2f summed behind)\n", by,
         median(ratio[ROWS_A_RANK], n), median(ratio[ROWS_A_STEP], n), median(ratio[SUMMED_BEHIND], n));
}

/* The first round warms up. */
static tr_status run(const bench *b) {
  static ratios all;
  speed s[TURNS];
  const bool first = tr_comm_rank(b->comm) == 0;
  if (first)
    printf("images per second: alone with %lld rows and %lld; %d ranks of %lld, summed beside and behind\n",
           (long long)b->rows, (long long)(b->rows * tr_comm_size(b->comm)), tr_comm_size(b->comm),
           (long long)b->rows);
  for (int64_t round = -1; round < b->rounds; round++) {
    for (int k = 0; k < TURNS; k++) TR_TRY(turn(b, k, &s[k]));
    if (first && round >= 0) note(s, round, &all);
  }
  if (!first) return TR_OK;
  conclude("by the clock", all.clock, b->rounds);
  conclude("by processor time", all.processor, b->rounds);
  return TR_OK;
}

static void close_bench(bench *b) {
  for (int k = 0; k < TURNS; k++) tr_trainer_destroy(&b->trainer[k]);
  tr_array_destroy(&b->x);
  tr_net_destroy(&b->net);
  free(b->labels);
  tr_comm_close(&b->comm);
}

int main(int argc, char **argv) {
  bench b = {.rows = argc > 1 ? atol(argv[1]) : 8,
             .rounds = argc > 2 ? atol(argv[2]) : 5,
             .bucket = argc > 3 ? atol(argv[3]) : 0};
  tr_error error;
  if (argc > 4 || b.rows < 1 || b.rounds < 1 || b.rounds > MOST_ROUNDS || b.bucket < 0) {
    fprintf(stderr, "usage: mpirun -n 2 %s [ROWS [ROUNDS [BUCKET]]], at most %d rounds\n", argv[0],
            MOST_ROUNDS);
    return 2;
  }
  tr_status status = tr_ctx_open("cpu", 0, &b.ctx, &error);
  if (status == TR_OK) status = tr_comm_open(b.ctx, &b.comm);
  if (status == TR_OK) status = open_bench(&b);
  if (status == TR_OK) status = run(&b);
  if (status != TR_OK) fprintf(stderr, "bench_ranks: %s\n", tr_ctx_error(b.ctx)->message);
  close_bench(&b);
  tr_ctx_close(&b.ctx);
  return status == TR_OK ? 0 : 1;
}
