#include "experiments/results/report.h"

#include <math.h>

#include "core/io/file.h"
#include "experiments/common/program.h"

static tr_status write_whole(tr_ctx *ctx, const char *path, tr_status (*fill)(FILE *, void *), void *user) {
  tr_out_file *file;
  TR_TRY(tr_out_file_open(ctx, path, &file));
  tr_status status = fill(tr_out_file_stream(file), user);
  if (status == TR_OK) return tr_out_file_commit(ctx, &file);
  tr_out_file_discard(&file);
  return status;
}

tr_status report_write(tr_ctx *ctx, const char *path, tr_status (*fill)(FILE *out, void *user), void *user) {
  sigset_t before;
  program_hold_signals(&before);
  tr_status status = write_whole(ctx, path, fill, user);
  program_release_signals(&before);
  return status;
}

void report_rule(FILE *out, int texts, int numbers) {
  fputs("|", out);
  for (int i = 0; i < texts; i++) fputs("---|", out);
  for (int i = 0; i < numbers; i++) fputs("---:|", out);
  fputs("\n", out);
}

void report_number(FILE *out, const char *format, double value) {
  fputs(" ", out);
  if (isnan(value))
    fputs("-", out);
  else
    fprintf(out, format, value);
  fputs(" |", out);
}

void report_interval(FILE *out, stat_interval i, double least, int digits) {
  if (i.n == 0)
    fputs("-", out);
  else if (i.n == 1)
    fprintf(out, "%.*g", digits, i.mean);
  else
    fprintf(out, "%.*g [%.*g, %.*g]", digits, i.mean, digits, fmax(least, i.low), digits, i.high);
}
