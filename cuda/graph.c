/* Recordings (core/record/record.h) as CUDA graphs: what goes to the stream between begin and end is
 * captured, and launched as one graph from then on.
 *
 * Kernels find arrays that move in cells, in memory of the device that belongs to the recording. There is one
 * for each place of such an array that a kernel was told of; a replay sets all of them by one small copy,
 * unless they are what they were at the replay before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/record/record_private.h"
#include "cuda/parts_private.h"

#define MOST_CELLS (TR_SMALL_BYTES / sizeof(void *))
#define WHAT       96

typedef struct {
  int array;
  size_t offset;
} place;

typedef struct {
  cudaGraphExec_t exec;
  void **cells; /* on the device */
  size_t n;
  place place[MOST_CELLS];
  void *sent[MOST_CELLS]; /* what the cells hold, once `known` */
  bool known;
  char what[WHAT];
} recording;

struct tr_cuda_graphs {
  /* While there is a capture: */
  recording *now;
  int n;
  char *base[TR_RECORD_MOVING];
  size_t bytes[TR_RECORD_MOVING];
  char replayed[WHAT]; /* what was launched last: its recording may be gone when it fails */
};

tr_status tr_cuda_graphs_open(tr_cuda_state *s, tr_error *err) {
  s->graphs = calloc(1, sizeof *s->graphs);
  if (s->graphs) return TR_OK;
  return TR_FAIL_IN(err, TR_E_MEM, "out of memory for recordings");
}

void tr_cuda_graphs_close(tr_cuda_state *s) {
  free(s->graphs);
  s->graphs = NULL;
}

/* ---- cells ---- */

/* The array that moves in which this address lies, -1: in none. */
static int array_at(const tr_cuda_graphs *g, const char *at) {
  for (int i = 0; i < g->n; i++)
    if (at >= g->base[i] && at < g->base[i] + g->bytes[i]) return i;
  return -1;
}

const void *tr_cuda_cell(tr_ctx *ctx, const void *data) {
  const tr_cuda_state *s = tr_cuda_state_of(ctx);
  if (!s->recording) return NULL;
  recording *r = s->graphs->now;
  const int array = array_at(s->graphs, data);
  if (array < 0) return NULL;
  const size_t offset = (size_t)((const char *)data - s->graphs->base[array]);
  size_t i = 0;
  while (i < r->n && (r->place[i].array != array || r->place[i].offset != offset)) i++;
  if (i == r->n) {
    if (r->n == MOST_CELLS) {
      (void)tr_record_refuses(ctx, "work on so many parts of the caller's arrays");
      return NULL;
    }
    r->place[r->n++] = (place){array, offset};
  }
  return r->cells + i;
}

tr_status tr_cuda_stays(tr_ctx *ctx, const char *op, const void *data) {
  const tr_cuda_state *s = tr_cuda_state_of(ctx);
  if (!s->recording || array_at(s->graphs, data) < 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_UNSUPPORTED, "%s was told the address of memory that moves, instead of its cell",
                 op);
}

/* ---- the table ---- */

/* To name the operation that fails, each has to be launched by itself. */
static bool graph_ready(tr_ctx *ctx) {
  return !tr_cuda_state_of(ctx)->sync;
}

static void drop_recording(tr_ctx *ctx, void *made) {
  recording *r = made;
  if (!r) return;
  if (r->exec) {
    (void)cudaStreamSynchronize(tr_cuda(ctx)->stream); /* it may be running */
    (void)cudaGraphExecDestroy(r->exec);
  }
  tr_cuda_release(ctx, r->cells);
  free(r);
}

static tr_status graph_begin(tr_ctx *ctx, const char *what, int n, void *const *base, const size_t *bytes) {
  tr_cuda_state *s = tr_cuda(ctx);
  tr_cuda_graphs *g = s->graphs;
  recording *r = calloc(1, sizeof *r);
  if (!r) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a recording");
  snprintf(r->what, sizeof r->what, "%s", what);
  tr_status status = tr_cuda_take(ctx, MOST_CELLS * sizeof *r->cells, (void **)&r->cells);
  if (status == TR_OK)
    status = tr_cuda_check(ctx, cudaStreamBeginCapture(s->stream, cudaStreamCaptureModeThreadLocal),
                           "beginning a recording");
  if (status != TR_OK) {
    drop_recording(ctx, r);
    return status;
  }
  g->now = r, g->n = n;
  for (int i = 0; i < n; i++) g->base[i] = base[i], g->bytes[i] = bytes[i];
  s->recording = true;
  return TR_OK;
}

static tr_status instantiate(tr_ctx *ctx, recording *r, cudaGraph_t graph) {
  return tr_cuda_check(ctx, cudaGraphInstantiate(&r->exec, graph, 0), "making a graph of a recording");
}

/* What is not kept may have failed before: then the capture has, too, and that is no news. */
static tr_status graph_end(tr_ctx *ctx, bool keep, void **made) {
  tr_cuda_state *s = tr_cuda(ctx);
  recording *r = s->graphs->now;
  cudaGraph_t graph = NULL;
  cudaError_t error = cudaStreamEndCapture(s->stream, &graph);
  s->recording = false;
  s->graphs->now = NULL, s->graphs->n = 0;
  tr_status status = TR_OK;
  if (!keep)
    (void)cudaGetLastError();
  else
    status = tr_cuda_check(ctx, error, "ending a recording");
  if (keep && status == TR_OK) status = instantiate(ctx, r, graph);
  if (graph) (void)cudaGraphDestroy(graph);
  *made = keep && status == TR_OK ? r : NULL;
  if (!*made) drop_recording(ctx, r);
  return status;
}

static tr_status send_cells(tr_ctx *ctx, recording *r, void *const *address) {
  void *at[MOST_CELLS];
  for (size_t i = 0; i < r->n; i++) at[i] = (char *)address[r->place[i].array] + r->place[i].offset;
  const size_t bytes = r->n * sizeof *at;
  if (r->known && memcmp(at, r->sent, bytes) == 0) return TR_OK;
  r->known = false;
  if (r->n) TR_TRY(tr_cuda_mem.set_small(ctx, r->cells, at, bytes));
  memcpy(r->sent, at, bytes);
  r->known = true;
  return TR_OK;
}

static tr_status graph_replay(tr_ctx *ctx, void *made, void *const *address) {
  recording *r = made;
  char *what = tr_cuda(ctx)->graphs->replayed;
  TR_TRY(send_cells(ctx, r, address));
  memcpy(what, r->what, WHAT);
  tr_cuda_note(ctx, what, 0, 0);
  return tr_cuda_launched(ctx, cudaGraphLaunch(r->exec, tr_cuda(ctx)->stream));
}

const tr_record_ops tr_cuda_record = {.ready = graph_ready,
                                      .begin = graph_begin,
                                      .end = graph_end,
                                      .replay = graph_replay,
                                      .drop = drop_recording};
