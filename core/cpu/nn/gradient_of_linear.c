/* Gradients of the parameters of linear layers on the CPU: dW += dY' X and the bias's sums. A task owns some
 * outputs and inputs, so a part of dW that stays in a cache, and goes through the rows of the batch tile by
 * tile; kernels add to dW in place. Every element is one chain of multiply-adds in the order of the rows that
 * goes on where an earlier call ended: neither tiles nor tasks nor how a batch was cut can matter. For
 * products of bf16 both are first made into words of two rows (kernels.h), dY transposed; a batch cut at odd
 * rows has words that end in 0, and the same chain. */
#include <omp.h>
#include <string.h>

#include "core/cpu/cpu.h"
#include "core/cpu/nn/words.h"

enum { TILE_ROWS = 128, TASK_OUTPUTS = 96, TASK_OUTPUTS_MIN = 8, TASKS_WANTED = 4, TASK_PANELS = 6 };

/* Inputs go by panels. What is behind the last whole pair of 64-byte vectors is multiplied in working memory,
 * filled up with zeros: libxsmm's AVX-512 code for a single vector sums in an order that depends on the other
 * extents. */
typedef struct {
  const tr_array *x, *dy;
  tr_array *dw, *db;
  const tr_cpu_kernels *loops;
  const tr_cpu_halves *halves; /* of products of bf16; NULL: operands as they are */
  const char *left, *right;    /* X and dY, or their words */
  int64_t tile_rows;           /* of X, or of its words */
  int64_t right_tile, right_output,
      right_ld;                           /* of dY: from a tile and an output to the next; rows, or columns */
  tr_gemm_kernel whole[2][2], rest[2][2]; /* of all and of the last outputs, of all and of the last rows */
  int64_t size, panel, rows, in, out, tiles, outputs, tasks;
  int64_t parts, part;       /* of the inputs, each gone through by all tasks; inputs of one */
  int64_t whole_in, rest_ld; /* inputs multiplied in place, in panels; padded width of the rest, or 0 */
} gradient_job;

static void plan(gradient_job *job, int threads) {
  int64_t pair = 128 / job->size, rest = job->in % job->panel;
  if (job->halves) rest = 0; /* our own kernels take any number of inputs */
  job->whole_in = job->in - rest, job->rest_ld = tr_cpu_ceil_div(rest, pair) * pair;
  job->tiles = tr_cpu_ceil_div(job->rows, TILE_ROWS);
  job->part = TASK_PANELS * job->panel;
  job->parts = job->whole_in ? tr_cpu_ceil_div(job->whole_in, job->part) : 1;
  job->outputs = TASK_OUTPUTS;
  while (job->outputs > TASK_OUTPUTS_MIN &&
         job->parts * tr_cpu_ceil_div(job->out, job->outputs) < (int64_t)threads * TASKS_WANTED)
    job->outputs /= 2;
  job->tasks = tr_cpu_ceil_div(job->out, job->outputs);
}

static int64_t outputs_of(const gradient_job *job, int64_t task) {
  return tr_cpu_smaller(job->outputs, job->out - task * job->outputs);
}

static int64_t rows_of(const gradient_job *job, int64_t tile) {
  return tr_cpu_smaller(TILE_ROWS, job->rows - tile * TILE_ROWS);
}

static tr_status prepare(tr_ctx *ctx, gradient_job *job) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  for (int task = 0; task < 2; task++)
    for (int tile = 0; tile < 2; tile++) {
      const int64_t rows = rows_of(job, tile ? job->tiles - 1 : 0);
      tr_gemm_shape shape = {.dtype = job->halves ? TR_BF16 : job->dw->dtype,
                             .m = (int)job->panel,
                             .n = (int)outputs_of(job, task ? job->tasks - 1 : 0),
                             .k = (int)(job->halves ? tr_cpu_words(rows) : rows),
                             .lda = (int)job->in,
                             .ldb = (int)job->right_ld,
                             .ldc = (int)job->in,
                             .accumulate = true,
                             .b_by_rows = !job->halves};
      if (job->whole_in)
        TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, shape, &job->whole[task][tile]));
      shape.m = shape.lda = shape.ldc = (int)job->rest_ld;
      if (job->rest_ld)
        TR_TRY(tr_gemm_prepare(ctx, state->engine, state->level, shape, &job->rest[task][tile]));
    }
  return TR_OK;
}

/* What is behind the whole panels goes with the last of them. */
static bool has_rest(const gradient_job *job, int64_t part) {
  return job->rest_ld && part == job->parts - 1;
}

/* Working memory of a task: the rest of X and dW. */
typedef struct {
  char *x, *dw;
} task_memory;

static int64_t memory_bytes(const gradient_job *job) {
  return (TILE_ROWS + job->outputs) * job->rest_ld * job->size;
}

static task_memory memory_at(const gradient_job *job, char *scratch) {
  return (task_memory){scratch, scratch + TILE_ROWS * job->rest_ld * job->size};
}

/* The columns of `from` behind the whole panels, into rows of rest_ld elements and back. */
static void take_rest(const gradient_job *job, const char *from, int64_t rows, char *to) {
  int64_t rest = (job->in - job->whole_in) * job->size, ld = job->rest_ld * job->size;
  for (int64_t r = 0; r < rows; r++, to += ld) {
    memcpy(to, from + (r * job->in + job->whole_in) * job->size, (size_t)rest);
    memset(to + rest, 0, (size_t)(ld - rest));
  }
}

static void put_rest(const gradient_job *job, const char *from, int64_t rows, char *to) {
  int64_t rest = (job->in - job->whole_in) * job->size, ld = job->rest_ld * job->size;
  for (int64_t r = 0; r < rows; r++, from += ld)
    memcpy(to + (r * job->in + job->whole_in) * job->size, from, (size_t)rest);
}

/* C += A B for `width` columns of X; fewer than a panel has only our own kernels. */
static void multiply(const gradient_job *job, const tr_gemm_kernel *whole, int64_t width, const char *a,
                     const char *b, char *c) {
  tr_gemm_kernel kernel = *whole;
  if (width < job->panel) kernel.shape.m = (int)width;
  tr_gemm_run(&kernel, a, b, c);
}

static void add_bias(const gradient_job *job, const char *dy, int64_t rows, int64_t first, int64_t outputs) {
  char *db = (char *)job->db->data + first * job->size;
  for (int64_t r = 0; r < rows; r++)
    job->loops->finish(&(tr_cpu_epilogue){
        .rows = 1, .cols = outputs, .product = dy + r * job->out * job->size, .residual = db, .y = db});
}

static void add_tile(const gradient_job *job, int64_t task, int64_t part, int64_t tile,
                     const task_memory *m) {
  int64_t first = task * job->outputs, outputs = outputs_of(job, task), rows = rows_of(job, tile);
  int last_task = task == job->tasks - 1, last_tile = tile == job->tiles - 1;
  const char *x = job->left + tile * job->tile_rows * job->in * job->size;
  const char *dy = job->right + (tile * job->right_tile + first * job->right_output) * job->size;
  char *dw = (char *)job->dw->data + first * job->in * job->size;
  const int64_t end = tr_cpu_smaller((part + 1) * job->part, job->whole_in);
  for (int64_t c = part * job->part; c < end; c += job->panel)
    multiply(job, &job->whole[last_task][last_tile], tr_cpu_smaller(job->panel, end - c), x + c * job->size,
             dy, dw + c * job->size);
  if (has_rest(job, part)) {
    take_rest(job, x, rows, m->x);
    tr_gemm_run(&job->rest[last_task][last_tile], m->x, dy, m->dw);
  }
  if (job->db && part == 0)
    add_bias(job, (const char *)job->dy->data + (tile * TILE_ROWS * job->out + first) * job->size, rows,
             first, outputs);
}

static void run_task(const gradient_job *job, int64_t task, int64_t part, char *scratch) {
  task_memory m = memory_at(job, scratch);
  int64_t outputs = outputs_of(job, task);
  char *dw = (char *)job->dw->data + task * job->outputs * job->in * job->size;
  const bool rest = has_rest(job, part);
  if (rest) take_rest(job, dw, outputs, m.dw);
  for (int64_t tile = 0; tile < job->tiles; tile++) add_tile(job, task, part, tile, &m);
  if (rest) put_rest(job, m.dw, outputs, dw);
}

enum { PAIRS = 8 }; /* of rows that become words together */

/* Pairs of rows from `first` on; room: for PAIRS rows of dY in words. */
static void make_words(const gradient_job *job, int64_t first, uint32_t *left, uint32_t *right,
                       uint32_t *room) {
  int64_t rows = tr_cpu_smaller(2 * PAIRS, job->rows - 2 * first);
  tr_words_across(job->halves, rows, job->in, tr_cpu_row(job->x, 2 * first, 0), job->in,
                  left + first * job->in);
  tr_words_across(job->halves, rows, job->out, tr_cpu_row(job->dy, 2 * first, 0), job->out, room);
  job->loops->transpose(tr_cpu_words(rows), job->out, room, job->out, right + first, job->right_ld);
}

/* Where both operands are: as they are, or as words, for which there is room behind `scratch`. */
static void place_operands(gradient_job *job, int threads, char *scratch) {
  job->left = job->x->data, job->right = job->dy->data;
  if (!job->halves) return;
  uint32_t *left = (uint32_t *)scratch, *right = left + tr_cpu_words(job->rows) * job->in;
  uint32_t *room = right + job->out * job->right_ld;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t first = 0; first < tr_cpu_words(job->rows); first += PAIRS)
    make_words(job, first, left, right, room + omp_get_thread_num() * PAIRS * job->out);
  job->left = (const char *)left, job->right = (const char *)right;
}

/* Bytes of the words, and of the room of all threads to make them. */
static int64_t words_bytes(const gradient_job *job, int threads) {
  if (!job->halves) return 0;
  int64_t words = tr_cpu_words(job->rows) * job->in + job->out * (job->right_ld + threads * PAIRS);
  return tr_cpu_ceil_div(words * job->size, 64) * 64;
}

/* A row of words is no power of two long: else columns would share a few places in the cache. */
static void lay_out(gradient_job *job) {
  int64_t words = tr_cpu_words(job->rows);
  job->tile_rows = job->halves ? TILE_ROWS / 2 : TILE_ROWS;
  job->right_ld = job->halves ? (words + 15) / 16 * 16 + 16 : job->out;
  job->right_tile = job->halves ? TILE_ROWS / 2 : TILE_ROWS * job->out;
  job->right_output = job->halves ? job->right_ld : 1;
}

tr_status tr_cpu_gradient_of_linear(tr_ctx *ctx, const tr_nn_gradient_of_linear_args *args) {
  const tr_cpu_state *state = tr_ctx_backend_state(ctx);
  const tr_array *x = args->x, *dy = args->dy, *dw = args->dw;
  gradient_job job = {.x = x,
                      .dy = dy,
                      .dw = args->dw,
                      .db = args->db,
                      .loops = tr_cpu_kernels_of(ctx, dw->dtype),
                      .halves = args->products == TR_NN_BF16 ? tr_cpu_halves_for(state->level) : NULL,
                      .size = (int64_t)tr_dtype_size(dw->dtype),
                      .panel = tr_cpu_panel(state->level, (int64_t)tr_dtype_size(dw->dtype)),
                      .rows = x->shape[0],
                      .in = x->shape[1],
                      .out = dy->shape[1]};
  const double seconds = (double)dy->count * (double)job.in / TR_CPU_PRODUCT_RATE;
  int threads = tr_cpu_threads_for(ctx, seconds);
  tr_cpu_long_work work = tr_cpu_begin(ctx, seconds);
  void *scratch;
  if (dy->count == 0 || job.in == 0) return TR_OK;
  lay_out(&job);
  plan(&job, threads);
  TR_TRY(prepare(ctx, &job));
  int64_t stride = tr_cpu_ceil_div(memory_bytes(&job), 64) * 64, words = words_bytes(&job, threads);
  TR_TRY(tr_cpu_scratch(ctx, (size_t)(words + threads * stride), &scratch));
  place_operands(&job, threads, scratch);
#pragma omp parallel num_threads(threads)
  {
    char *mine = (char *)scratch + words + omp_get_thread_num() * stride;
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < job.tasks * job.parts; task++)
      if (!tr_cpu_is_stopped(&work)) run_task(&job, task % job.tasks, task / job.tasks, mine);
  }
  return tr_cpu_end(&work);
}
