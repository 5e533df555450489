#include "experiments/ablate/rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/results/report.h"

static const char header[] =
    ABLATE_KEY_COLUMNS ",status,steps,ode_nfe,sde_nfe,likelihood_nfe,train_loss,ode_energy,sde_energy,"
                       "floor_energy,nll,nll_se,kl,kl_se,bpd,bpd_se,message\n";
enum { ROW_MAX = 2048 };

static int print_row(const ablate_plan *plan, int run, const ablate_result *r, char text[ROW_MAX]) {
  char key[ABLATE_KEY_MAX];
  ablate_plan_key(plan, run, key);
  int n = snprintf(text, ROW_MAX, "%s,%s,%ld,%ld,%ld,%ld", key, r->status, r->steps, r->ode_nfe, r->sde_nfe,
                   r->likelihood_nfe);
  for (int i = 0; i < ABLATE_NUMBERS; i++)
    n += rows_put_number(text + n, (size_t)(ROW_MAX - n), r->number[i]);
  return n + rows_put_message(text + n, (size_t)(ROW_MAX - n), r->message);
}

/* The run with this key; rows mostly stand in their order. */
static int find_run(const ablate_plan *plan, const char *text, size_t length, int after) {
  char key[ABLATE_KEY_MAX];
  const int n = ablate_plan_runs(plan);
  for (int i = 1; i <= n; i++) {
    const int run = (after + i) % n;
    ablate_plan_key(plan, run, key);
    if (strlen(key) == length && memcmp(key, text, length) == 0) return run;
  }
  return -1;
}

static bool read_result(const char *at, const char *end, ablate_result *r) {
  long *const counts[] = {&r->steps, &r->ode_nfe, &r->sde_nfe, &r->likelihood_nfe};
  if (!rows_next_field(&at, end, r->status, sizeof r->status)) return false;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (!rows_next_count(&at, end, counts[i])) return false;
  for (int i = 0; i < ABLATE_NUMBERS; i++)
    if (!rows_next_number(&at, end, &r->number[i])) return false;
  const size_t length = (size_t)(end - at);
  if (length >= 2) tr_text_show(at + 1, length - 2, r->message, sizeof r->message); /* without its quotes */
  return strcmp(r->status, "ok") == 0 || strcmp(r->status, "diverged") == 0 ||
         strcmp(r->status, "failed") == 0;
}

static const char *take_row(void *user, const char *at, const char *end) {
  ablate_rows *rows = user;
  const char *behind = rows_fields_end(at, end, ABLATE_KEY_FIELDS);
  if (!behind) return "too few columns";
  const int run = find_run(rows->plan, at, (size_t)(behind - at), rows->last);
  if (run < 0) return "a training that it does not have";
  if (rows->results[run].done) return "a training twice";
  if (!read_result(behind + 1, end, &rows->results[run])) return "a malformed row";
  rows->results[run].done = true;
  rows->n_done++;
  rows->last = run;
  return NULL;
}

tr_status ablate_rows_open(tr_ctx *ctx, const ablate_plan *plan, const char *path, ablate_rows *out) {
  const rows_form form = {.header = header, .owner = "ablation", .take = take_row, .user = out};
  *out = (ablate_rows){.plan = plan, .last = -1};
  out->results = calloc((size_t)ablate_plan_runs(plan), sizeof *out->results);
  if (!out->results) return TR_FAIL(ctx, TR_E_MEM, "out of memory for %d results", ablate_plan_runs(plan));
  return rows_file_open(ctx, &form, path, &out->file);
}

void ablate_rows_close(ablate_rows *rows) {
  rows_file_close(&rows->file);
  free(rows->results);
  *rows = (ablate_rows){0};
}

tr_status ablate_rows_add(tr_ctx *ctx, ablate_rows *rows, int run, const ablate_result *result) {
  char text[ROW_MAX];
  const int length = print_row(rows->plan, run, result, text);
  if (length >= ROW_MAX) return TR_FAIL(ctx, TR_E_IO, "a row of %d bytes: %d at most", length, ROW_MAX - 1);
  TR_TRY(rows_file_add(ctx, &rows->file, text, (size_t)length));
  const char *wrong = take_row(rows, text, text + length - 1); /* with the digits that the file has */
  return wrong ? TR_FAIL(ctx, TR_E_IO, "a row that cannot be read again: %s", wrong) : TR_OK;
}

static tr_status print_all(FILE *out, void *user) {
  const ablate_rows *rows = user;
  char text[ROW_MAX];
  fputs(header, out);
  for (int run = 0; run < ablate_plan_runs(rows->plan); run++) {
    if (!rows->results[run].done) continue;
    print_row(rows->plan, run, &rows->results[run], text);
    fputs(text, out);
  }
  return TR_OK;
}

tr_status ablate_rows_settle(tr_ctx *ctx, ablate_rows *rows) {
  return report_write(ctx, rows->file.path, print_all, rows);
}
