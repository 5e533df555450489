/* A model whose states are of another size than in training: tables of positions are made again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/layers/weights.h"
#include "nets/model_private.h"
#include "nets/network.h"

bool tr_model_has_size(const tr_model *m) {
  const tr_net_info *info = &m->config.info;
  return m->height == 0 || (info->ndim == 3 && info->shape[1] == m->height && info->shape[2] == m->width);
}

/* How far a table may be from the made one: f16 and bf16 keep 3 and 2 digits of numbers up to 1. */
#define TABLE_TOLERANCE 5e-3

static tr_status compare_table(const tr_model *m, const tr_net_entry *entry, const tr_tensor *stored,
                               double *values, double *made) {
  double worst = 0;
  TR_TRY(tr_tensor_to_f64(m->ctx, stored, values));
  entry->fill(m->config.sizes, made);
  for (int64_t i = 0; i < stored->count; i++) worst = fmax(worst, fabs(values[i] - made[i]));
  if (worst <= TABLE_TOLERANCE) return TR_OK;
  return TR_FAIL(
      m->ctx, TR_E_ARG,
      "states of %d x %d: the table '%s' of these weights is not the one of sines and cosines (off by "
      "%.2g), so that nothing tells positions of another size than the trained one",
      m->height, m->width, entry->name, worst);
}

/* A table that was trained away from what would be made says nothing of other sizes. */
static tr_status check_table(const tr_model *m, const tr_net_entry *entry, const tr_tensor *stored) {
  double *values = malloc(2 * (size_t)stored->count * sizeof *values);
  if (!values) return TR_FAIL(m->ctx, TR_E_MEM, "out of memory for a table of positions");
  tr_status status = compare_table(m, entry, stored, values, values + stored->count);
  free(values);
  return status;
}

/* Without the tables that can be made. */
static tr_status forget_tables(tr_model *m) {
  tr_net_entry entry;
  int n = 0;
  m->without_tables = malloc((size_t)m->weights.n * sizeof *m->without_tables);
  if (!m->without_tables) return TR_FAIL(m->ctx, TR_E_MEM, "out of memory for the list of the weights");
  for (int i = 0; i < m->weights.n; i++) {
    const tr_tensor *tensor = &m->weights.items[i];
    if (tr_weights_is_table(&m->config, tensor->name, &entry)) {
      TR_TRY(check_table(m, &entry, tensor));
    } else {
      m->without_tables[n++] = *tensor;
    }
  }
  m->weights = (tr_tensors){.n = n, .items = m->without_tables};
  return TR_OK;
}

tr_status tr_model_resize(tr_model *m, bool *again) {
  *again = !tr_model_has_size(m);
  if (!*again) return TR_OK;
  if (m->config.info.ndim == 3) return forget_tables(m);
  return TR_FAIL(m->ctx, TR_E_ARG, "states of %d x %d: those of this network are of %lld numbers", m->height,
                 m->width, (long long)m->config.info.row);
}
