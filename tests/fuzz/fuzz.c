#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "nets/register.h"

static void found(const char *what, const char *text) {
  fprintf(stderr, "finding: %s: %s\n", what, text);
  abort();
}

static void check_line(const char *text) {
  char shown[1024];
  const size_t length = strlen(text);
  if (length == 0) found("an empty message", "");
  if (strcmp(tr_text_show(text, length, shown, sizeof shown), text) != 0)
    found("not fit for a terminal", text);
}

static void on_warning(const char *message, void *user) {
  (void)user;
  check_line(message);
}

tr_ctx *fuzz_context(void) {
  static tr_ctx *ctx;
  if (ctx) return ctx;
  if (tr_ctx_open("cpu", 0, &ctx, NULL) != TR_OK || tr_register_all(ctx) != TR_OK) abort();
  tr_ctx_set_threads(ctx, 1);
  tr_ctx_on_warning(ctx, on_warning, NULL);
  return ctx;
}

const char *fuzz_file(const uint8_t *data, size_t size) {
  static FILE *file;
  static char path[64];
  if (!file) {
    file = tmpfile();
    if (!file) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
  }
  if (ftruncate(fileno(file), 0) != 0 || pwrite(fileno(file), data, size, 0) != (ssize_t)size) abort();
  return path;
}

/* ---- a folder ---- */

static char folder[64];

static void remove_folder(void) {
  DIR *entries = opendir(folder);
  for (struct dirent *e; entries && (e = readdir(entries));) fuzz_remove_in(e->d_name);
  if (entries) closedir(entries);
  rmdir(folder);
}

const char *fuzz_folder(void) {
  if (*folder) return folder;
  snprintf(folder, sizeof folder, "/tmp/fuzz-XXXXXX");
  if (!mkdtemp(folder) || atexit(remove_folder) != 0) abort();
  return folder;
}

static const char *path_in(const char *name) {
  static char path[400];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  return path;
}

const char *fuzz_file_in(const char *name, const uint8_t *data, size_t size) {
  const char *path = path_in(name);
  FILE *file = fopen(path, "wb");
  if (!file || (size && fwrite(data, size, 1, file) != 1) || fclose(file) != 0) abort();
  return path;
}

void fuzz_remove_in(const char *name) {
  unlink(path_in(name));
}

void fuzz_check(tr_status status) {
  tr_ctx *ctx = fuzz_context();
  const tr_error *error = tr_ctx_error(ctx);
  if (status == TR_OK && tr_ctx_failed(ctx)) found("an error is kept after success", error->message);
  if (status != TR_OK && error->status != status) found("another status than the error's", error->message);
  if (status != TR_OK) check_line(error->message);
  tr_ctx_clear(ctx);
}
