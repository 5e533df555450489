#include "experiments/sweep/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

static const char header[] = SWEEP_KEY_COLUMNS ",status,nfe,accepted,rejected,rms,relative,mean_error,mean_"
                                               "noise,cov_error,cov_noise,sw2,sw2_floor,wall_seconds,"
                                               "message\n";
#define ROW_MAX 2048

/* ---- a row as text ---- */

/* The numbers of a row after its status, in the order of the columns. */
#define N_NUMBERS 9
static void numbers_of(sweep_result *r, double *out[N_NUMBERS]) {
  double *const list[N_NUMBERS] = {&r->rms,        &r->relative,  &r->mean_error,
                                   &r->mean_noise, &r->cov_error, &r->cov_noise,
                                   &r->sw2,        &r->sw2_floor, &r->wall_seconds};
  memcpy(out, list, sizeof list);
}

static int print_row(const sweep_plan *plan, int run, const sweep_result *result, char text[ROW_MAX]) {
  char key[SWEEP_KEY_MAX];
  sweep_result r = *result;
  double *numbers[N_NUMBERS];
  numbers_of(&r, numbers);
  sweep_plan_key(plan, run, key);
  int n = snprintf(text, ROW_MAX, "%s,%s,%ld,%ld,%ld", key, r.status, r.nfe, r.accepted, r.rejected);
  for (int i = 0; i < N_NUMBERS; i++) n += rows_put_number(text + n, (size_t)(ROW_MAX - n), *numbers[i]);
  return n + rows_put_message(text + n, (size_t)(ROW_MAX - n), r.message);
}

/* ---- reading ---- */

/* The run with this key; the runs are looked for from the one after the last found, since rows mostly stand
 * in their order. */
static int find_run(const sweep_plan *plan, const char *text, size_t length, int after) {
  char key[SWEEP_KEY_MAX];
  int n = sweep_plan_runs(plan);
  for (int i = 0; i < n; i++) {
    int run = (after + 1 + i) % n;
    sweep_plan_key(plan, run, key);
    if (strlen(key) == length && memcmp(key, text, length) == 0) return run;
  }
  return -1;
}

static bool read_result(const char *at, const char *end, sweep_result *r) {
  double *numbers[N_NUMBERS];
  numbers_of(r, numbers);
  if (!rows_next_field(&at, end, r->status, sizeof r->status) || !rows_next_count(&at, end, &r->nfe) ||
      !rows_next_count(&at, end, &r->accepted) || !rows_next_count(&at, end, &r->rejected))
    return false;
  for (int i = 0; i < N_NUMBERS; i++)
    if (!rows_next_number(&at, end, numbers[i])) return false;
  tr_text_show(at, (size_t)(end - at), r->message, sizeof r->message);
  return strcmp(r->status, "ok") == 0 || strcmp(r->status, "diverged") == 0 ||
         strcmp(r->status, "failed") == 0;
}

static const char *take_row(void *user, const char *at, const char *end) {
  sweep_rows *rows = user;
  const char *key_end = rows_fields_end(at, end, SWEEP_KEY_FIELDS);
  if (!key_end) return "a row with too few columns";
  int run = find_run(rows->plan, at, (size_t)(key_end - at), rows->last);
  if (run < 0) return "a row of no run";
  sweep_result *result = &rows->results[run];
  if (result->done) return "a second row of one run";
  if (!read_result(key_end + 1, end, result)) return "a malformed row";
  result->done = true;
  rows->n_done += sweep_plan_wants(rows->plan, run);
  rows->last = run;
  return NULL;
}

/* ---- the file ---- */

tr_status sweep_rows_open(tr_ctx *ctx, const sweep_plan *plan, const char *path, sweep_rows *out) {
  *out = (sweep_rows){.plan = plan, .last = -1};
  out->results = calloc((size_t)sweep_plan_runs(plan), sizeof *out->results);
  if (!out->results) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the results");
  return rows_file_open(ctx, &(rows_form){header, "sweep", take_row, out}, path, &out->file);
}

void sweep_rows_close(sweep_rows *rows) {
  rows_file_close(&rows->file);
  free(rows->results);
  *rows = (sweep_rows){0};
}

tr_status sweep_rows_add(tr_ctx *ctx, sweep_rows *rows, int run, const sweep_result *result) {
  char text[ROW_MAX];
  int length = print_row(rows->plan, run, result, text);
  if (length >= ROW_MAX) return TR_FAIL(ctx, TR_E_IO, "a row of %d bytes is too long", length);
  TR_TRY(rows_file_add(ctx, &rows->file, text, (size_t)length));
  rows->results[run] = *result;
  rows->results[run].done = true;
  rows->n_done++;
  return TR_OK;
}
