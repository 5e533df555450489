#include "experiments/evaluate/metrics/moments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/nn/nn.h"

/* Rows of a block; and columns of a panel: S is symmetric, so that of panel p only what is left of its end is
 * summed. */
enum { BLOCK = 256, PANEL = 256 };

struct metric_moments {
  tr_ctx *ctx;
  const char *name;
  int64_t n, d, filled; /* rows so far, all and in the block */
  double *block;        /* (BLOCK, d) */
  double *columns;      /* (BLOCK, d): some columns of the block */
  double *shift, *sum;  /* (d); of the rows less the shift */
  double *kept;         /* (room, d) rows, while n <= d */
  int64_t room;
  tr_array *left, *right; /* BLOCK (d) and BLOCK (PANEL) numbers */
  int64_t panels;
  tr_array **squares; /* (panels): (PANEL, end of the panel) */
};

void metric_gaussian_free(metric_gaussian *g) {
  free(g->mean);
  free(g->cov);
  free(g->centred);
  *g = (metric_gaussian){0};
}

void metric_moments_destroy(metric_moments **m) {
  if (!*m) return;
  tr_array_destroy(&(*m)->left);
  tr_array_destroy(&(*m)->right);
  for (int64_t p = 0; (*m)->squares && p < (*m)->panels; p++) tr_array_destroy(&(*m)->squares[p]);
  free((*m)->squares);
  free((*m)->block);
  free((*m)->kept);
  free(*m);
  *m = NULL;
}

static tr_status no_memory(tr_ctx *ctx, const char *name, int64_t d) {
  return TR_FAIL(ctx, TR_E_MEM, "%s: out of memory for the covariance of %lld numbers", name, (long long)d);
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* Panel p of S: rows begin .. end - 1, columns 0 .. end - 1. */
static int64_t panel_begin(int64_t p) {
  return p * PANEL;
}

static int64_t panel_end(const metric_moments *m, int64_t p) {
  return smaller((p + 1) * PANEL, m->d);
}

static tr_status create_panels(metric_moments *m) {
  TR_TRY(tr_array_create(m->ctx, TR_F64, 1, (int64_t[]){BLOCK * m->d}, &m->left));
  TR_TRY(tr_array_create(m->ctx, TR_F64, 1, (int64_t[]){BLOCK * PANEL}, &m->right));
  for (int64_t p = 0; p < m->panels; p++) {
    const int64_t shape[] = {panel_end(m, p) - panel_begin(p), panel_end(m, p)};
    TR_TRY(tr_array_create(m->ctx, TR_F64, 2, shape, &m->squares[p]));
    TR_TRY(tr_array_upload(m->squares[p], m->block)); /* which is all zeros still */
  }
  return TR_OK;
}

tr_status metric_moments_create(tr_ctx *ctx, const char *name, int64_t d, metric_moments **out) {
  *out = NULL;
  if (d < 1)
    return TR_FAIL(ctx, TR_E_ARG, "%s: rows of %lld numbers, at least one is needed", name, (long long)d);
  metric_moments *m = calloc(1, sizeof *m);
  if (!m) return no_memory(ctx, name, d);
  *m = (metric_moments){.ctx = ctx, .name = name, .d = d, .panels = (d + PANEL - 1) / PANEL};
  m->block = calloc((size_t)((2 * BLOCK + 2) * d), sizeof *m->block);
  m->squares = calloc((size_t)m->panels, sizeof *m->squares);
  tr_status status = m->block && m->squares ? TR_OK : no_memory(ctx, name, d);
  if (status == TR_OK) {
    m->columns = m->block + BLOCK * d, m->shift = m->columns + BLOCK * d, m->sum = m->shift + d;
    status = create_panels(m);
  }
  if (status == TR_OK)
    *out = m;
  else
    metric_moments_destroy(&m);
  return status;
}

/* The mean of the rows in the block, exact where a column is constant. */
static void choose_shift(metric_moments *m) {
  memcpy(m->shift, m->block, (size_t)m->d * sizeof *m->shift);
  for (int64_t i = 1; i < m->filled; i++)
    for (int64_t k = 0; k < m->d; k++) m->sum[k] += m->block[i * m->d + k] - m->block[k];
  for (int64_t k = 0; k < m->d; k++) m->shift[k] += m->sum[k] / (double)m->filled, m->sum[k] = 0;
}

/* Columns begin .. end - 1 of the block as an array of their own, in the memory of another. */
static tr_status take_columns(metric_moments *m, int64_t begin, int64_t end, const tr_array *memory,
                              tr_array *out) {
  const int64_t width = end - begin;
  for (int64_t i = 0; i < m->filled; i++)
    memcpy(m->columns + i * width, m->block + i * m->d + begin, (size_t)width * sizeof *m->block);
  *out = tr_view(memory, 0, 2, (int64_t[]){m->filled, width});
  return tr_array_upload(out, m->columns);
}

static tr_status add_panel(metric_moments *m, int64_t p) {
  tr_array left, right;
  TR_TRY(take_columns(m, 0, panel_end(m, p), m->left, &left));
  TR_TRY(take_columns(m, panel_begin(p), panel_end(m, p), m->right, &right));
  return tr_nn_gradient_of_linear(
      &(tr_nn_gradient_of_linear_args){.x = &left, .dy = &right, .dw = m->squares[p]});
}

/* Only a block that is the last one, too, is less than full when the shift is chosen from it. */
static tr_status add_block(metric_moments *m) {
  if (m->filled == 0) return TR_OK;
  if (m->n <= BLOCK) choose_shift(m);
  for (int64_t i = 0; i < m->filled; i++)
    for (int64_t k = 0; k < m->d; k++) m->sum[k] += m->block[i * m->d + k] -= m->shift[k];
  for (int64_t p = 0; p < m->panels; p++) TR_TRY(add_panel(m, p));
  m->filled = 0;
  return TR_OK;
}

/* Rows that a set of no more than d may turn out to be all of. */
static tr_status keep(metric_moments *m, int64_t n, const double *rows) {
  if (m->n + n > m->d) {
    free(m->kept);
    m->kept = NULL;
    return TR_OK;
  }
  if (m->n + n > m->room) {
    const int64_t room = smaller(2 * (m->n + n), m->d);
    double *more = realloc(m->kept, (size_t)(room * m->d) * sizeof *more);
    if (!more) return no_memory(m->ctx, m->name, m->d);
    m->kept = more, m->room = room;
  }
  memcpy(m->kept + m->n * m->d, rows, (size_t)(n * m->d) * sizeof *rows);
  return TR_OK;
}

tr_status metric_moments_add(metric_moments *m, tr_dtype dtype, int64_t n, const void *data) {
  const metric_rows rows = {m->name, n, m->d, dtype, data};
  const int64_t bad = metric_rows_first_bad(&rows);
  if (bad < n)
    return TR_FAIL(m->ctx, TR_E_NONFINITE, "%s: row %lld (counted from 0) holds NaN or infinity", m->name,
                   (long long)(m->n + bad));
  for (int64_t i = 0; i < n;) {
    const int64_t take = smaller(BLOCK - m->filled, n - i);
    double *to = m->block + m->filled * m->d;
    metric_rows_get(&rows, i, take, to);
    TR_TRY(keep(m, take, to));
    m->filled += take, m->n += take, i += take;
    if (m->filled == BLOCK) TR_TRY(add_block(m));
  }
  return TR_OK;
}

/* The panels into the lower half of cov. */
static tr_status download(metric_moments *m, double *cov) {
  for (int64_t p = 0; p < m->panels; p++) {
    const int64_t begin = panel_begin(p), end = panel_end(m, p);
    TR_TRY(tr_array_download(m->squares[p], m->columns));
    for (int64_t i = begin; i < end; i++)
      memcpy(cov + i * m->d, m->columns + (i - begin) * end, (size_t)end * sizeof *cov);
  }
  return TR_OK;
}

/* From S = sum (x - shift)(x - shift)' in the lower half of cov. */
static void finish_covariance(const metric_moments *m, double *cov) {
  for (int64_t i = 0; i < m->d; i++)
    for (int64_t j = 0; j <= i; j++)
      cov[j * m->d + i] = cov[i * m->d + j] =
          (cov[i * m->d + j] - m->sum[i] * m->sum[j] / (double)m->n) / (double)(m->n - 1);
}

static void centre(const metric_moments *m, const double *mean) {
  for (int64_t i = 0; i < m->n; i++)
    for (int64_t k = 0; k < m->d; k++) m->kept[i * m->d + k] -= mean[k];
}

static tr_status finish(metric_moments *m, metric_gaussian *out) {
  if (m->n < 2)
    return TR_FAIL(m->ctx, TR_E_ARG, "%s: %lld sample%s, a covariance needs at least two", m->name,
                   (long long)m->n, m->n == 1 ? "" : "s");
  TR_TRY(add_block(m));
  *out = (metric_gaussian){.n = m->n, .d = m->d};
  out->mean = malloc((size_t)m->d * sizeof *out->mean);
  out->cov = malloc((size_t)(m->d * m->d) * sizeof *out->cov);
  if (!out->mean || !out->cov) return no_memory(m->ctx, m->name, m->d);
  TR_TRY(download(m, out->cov));
  for (int64_t k = 0; k < m->d; k++) out->mean[k] = m->shift[k] + m->sum[k] / (double)m->n;
  finish_covariance(m, out->cov);
  if (m->kept) centre(m, out->mean);
  out->centred = m->kept, m->kept = NULL;
  return TR_OK;
}

tr_status metric_moments_finish(metric_moments **m, metric_gaussian *out) {
  *out = (metric_gaussian){0};
  tr_status status = finish(*m, out);
  if (status != TR_OK) metric_gaussian_free(out);
  metric_moments_destroy(m);
  return status;
}

tr_status metric_gaussian_of(tr_ctx *ctx, const metric_rows *rows, metric_gaussian *out) {
  metric_moments *m;
  *out = (metric_gaussian){0};
  TR_TRY(metric_moments_create(ctx, rows->name, rows->d, &m));
  tr_status status = metric_moments_add(m, rows->dtype, rows->n, rows->data);
  if (status == TR_OK) return metric_moments_finish(&m, out);
  metric_moments_destroy(&m);
  return status;
}

/* ---- stored statistics ---- */

static double largest(int64_t n, const double *x) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
  return most;
}

static tr_status check_symmetric(tr_ctx *ctx, const char *name, int64_t d, const double *cov) {
  const double allowed = 1e-6 * largest(d * d, cov);
  for (int64_t i = 0; i < d; i++) {
    if (cov[i * d + i] < 0)
      return TR_FAIL(ctx, TR_E_ARG, "%s: a covariance whose variance %lld is %g, below 0", name, (long long)i,
                     cov[i * d + i]);
    for (int64_t j = 0; j < i; j++)
      if (fabs(cov[i * d + j] - cov[j * d + i]) > allowed)
        return TR_FAIL(
            ctx, TR_E_ARG,
            "%s: a covariance that is not symmetric: elements (%lld, %lld) and (%lld, %lld) are %g "
            "and %g",
            name, (long long)i, (long long)j, (long long)j, (long long)i, cov[i * d + j], cov[j * d + i]);
  }
  return TR_OK;
}

tr_status metric_gaussian_given(tr_ctx *ctx, const char *name, int64_t n, int64_t d, const double *mean,
                                const double *cov, metric_gaussian *out) {
  *out = (metric_gaussian){0};
  const metric_rows values[] = {{name, 1, d, TR_F64, mean}, {name, d, d, TR_F64, cov}};
  for (int i = 0; i < 2; i++)
    if (metric_rows_first_bad(&values[i]) < values[i].n)
      return TR_FAIL(ctx, TR_E_NONFINITE, "%s: a %s that holds NaN or infinity", name,
                     i ? "covariance" : "mean");
  TR_TRY(check_symmetric(ctx, name, d, cov));
  metric_gaussian g = {.n = n, .d = d};
  g.mean = malloc((size_t)d * sizeof *g.mean), g.cov = malloc((size_t)(d * d) * sizeof *g.cov);
  if (!g.mean || !g.cov) {
    metric_gaussian_free(&g);
    return no_memory(ctx, name, d);
  }
  memcpy(g.mean, mean, (size_t)d * sizeof *mean);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) g.cov[i * d + j] = (cov[i * d + j] + cov[j * d + i]) / 2;
  *out = g;
  return TR_OK;
}
