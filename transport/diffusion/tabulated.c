/* D = n D(t) from a table of the user's. */
#include "transport/diffusion/diffusion.h"
#include "transport/modules_private.h"

static double D(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * tr_table_at(d->table, at->t);
}

/* Where D vanishes with sigma the quotient tends to that of the slopes. */
static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  double value = D(d, at);
  if (at->sigma == 0 && value == 0) return d->norm * tr_table_slope(d->table, at->t) / at->dsigma;
  return value / at->sigma;
}

static tr_status check(tr_ctx *ctx, const tr_diffusion *d) {
  if (tr_table_min(d->table) >= 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "a table of D with the value %g: D must not be negative",
                 tr_table_min(d->table));
}

static const tr_diffusion_type type = {
    .info = {.name = "table", .summary = "D = n D(t) from a table"},
    .caps = TR_DIFFUSION_TABLE,
    .table_of = "t, D(t)",
    .D = D,
    .D_sigma = D_sigma,
    .check = check,
};
const tr_module *const tr_diffusion_tabulated = &type.info;
