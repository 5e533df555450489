/* Weights: what their callers may ask for is checked here, what they are made of is the backend's. */
#include <stdlib.h>

#include "core/context_private.h"
#include "core/nn/ops_private.h"
#include "core/record/record_private.h"
#include "core/require_private.h"

static const tr_nn_ops *table_of(tr_ctx *ctx) {
  return tr_ctx_backend(ctx)->nn;
}

static tr_status check_spec(tr_ctx *ctx, const tr_nn_weight_spec *spec) {
  bool compute = spec->compute == TR_F32 || spec->compute == TR_F64;
  if (!compute || (spec->storage != spec->compute && spec->storage != TR_BF16))
    return TR_FAIL(ctx, TR_E_ARG,
                   "a weight kept in %s to compute in %s: compute in f32 or f64, and keep it so or in bf16",
                   tr_dtype_name(spec->storage), tr_dtype_name(spec->compute));
  TR_TRY(tr_nn_products_check(ctx, spec->compute, spec->products));
  if (spec->products == TR_NN_BF16 && spec->storage != TR_BF16)
    return TR_FAIL(ctx, TR_E_ARG, "a weight kept in %s with products in bf16: keep it in bf16",
                   tr_dtype_name(spec->storage));
  if (spec->rows < 0)
    return TR_FAIL(ctx, TR_E_ARG, "a weight for %lld rows a sample: 0 if it is not known",
                   (long long)spec->rows);
  if (spec->taps < 0 || (spec->taps > 0 && (spec->in % spec->taps || spec->storage != spec->compute)))
    return TR_FAIL(
        ctx, TR_E_ARG,
        "a weight of %lld inputs for a kernel of %lld places, kept in %s to compute in %s: inputs are "
        "channels times places, and both types are one",
        (long long)spec->in, (long long)spec->taps, tr_dtype_name(spec->storage),
        tr_dtype_name(spec->compute));
  if (spec->out >= 1 && spec->in >= 1) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "a weight of %lld outputs and %lld inputs: at least 1 of each is needed",
                 (long long)spec->out, (long long)spec->in);
}

tr_status tr_nn_weight_create(tr_ctx *ctx, const tr_nn_weight_spec *spec, tr_nn_weight **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, spec, out);
  const tr_nn_ops *nn = table_of(ctx);
  if (!nn)
    return TR_FAIL(ctx, TR_E_UNSUPPORTED, "the backend '%s' has no linear layer: use cpu",
                   tr_ctx_backend(ctx)->name);
  TR_TRY(check_spec(ctx, spec));
  TR_TRY(tr_record_refuses(ctx, "a weight that is made"));
  tr_nn_weight *w = malloc(sizeof *w);
  if (!w) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a weight");
  *w = (tr_nn_weight){.ctx = ctx, .spec = *spec};
  tr_status status = nn->weight_create(ctx, &w->spec, &w->own);
  if (status == TR_OK)
    *out = w;
  else
    free(w);
  return status;
}

static bool float_array(const tr_array *a) {
  return a->dtype == TR_F32 || a->dtype == TR_F64 || a->dtype == TR_BF16;
}

tr_status tr_nn_weight_set(tr_nn_weight *w, const tr_array *values) {
  TR_REQUIRE(TR_CTX_FROM(w, values), w, values);
  const tr_nn_weight_spec *spec = &w->spec;
  TR_TRY(tr_array_check(values));
  if (values->ctx != w->ctx || !float_array(values) || values->shape[0] != spec->out ||
      values->count / spec->out != spec->in) {
    char text[96];
    return TR_FAIL(w->ctx, TR_E_SHAPE,
                   "the values of a weight are %s: f32, f64 or bf16 of %lld rows and %lld in all on the same "
                   "context were expected",
                   tr_array_describe(values, text, sizeof text), (long long)spec->out,
                   (long long)(spec->out * spec->in));
  }
  TR_TRY(tr_record_notes(w->ctx, "setting a weight", false, 1, &values));
  tr_ctx_count(w->ctx, TR_COUNT_OPERATION, 0);
  TR_TRY(table_of(w->ctx)->weight_set(w->ctx, w->own, values));
  w->set = true;
  return TR_OK;
}

void tr_nn_weight_destroy(tr_nn_weight **w) {
  if (!w || !*w) return;
  tr_record_forgets((*w)->ctx, NULL, 0); /* its memory is the backend's own */
  table_of((*w)->ctx)->weight_destroy((*w)->ctx, (*w)->own);
  free(*w);
  *w = NULL;
}

const tr_nn_weight_spec *tr_nn_weight_spec_of(const tr_nn_weight *w) {
  if (!w) return NULL;
  return &w->spec;
}
