#include "experiments/results/report.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/io/file.h"
#include "experiments/common/program.h"

/* Whether `name` is that of a temporary file of `whole` (core/io/file.h): NAME.PID-N.tmp. */
static bool is_left_over(const char *name, const char *whole) {
  const size_t length = strlen(whole);
  if (strncmp(name, whole, length) != 0 || name[length] != '.' || !isdigit((unsigned char)name[length + 1]))
    return false;
  return strcmp(name + length + 1 + strspn(name + length + 1, "0123456789-"), ".tmp") == 0;
}

/* What a process that was killed had half written of it: one at a time writes in the folder. */
static void remove_left_overs(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  char folder[4096], whole[4096 + 300];
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
  DIR *all = opendir(*folder ? folder : "/");
  for (struct dirent *e; all && (e = readdir(all));) {
    if (!is_left_over(e->d_name, name)) continue;
    snprintf(whole, sizeof whole, "%s/%s", folder, e->d_name);
    unlink(whole);
  }
  if (all) closedir(all);
}

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
  remove_left_overs(path);
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
