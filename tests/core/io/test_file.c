/* Mappings of files and output that appears whole or not at all. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/file.h"
#include "tests/support/check.h"

static char folder[] = "/tmp/transit-file-XXXXXX";

static const char *in_folder(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static int files_in_folder(void) {
  int n = 0;
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) n += entry->d_name[0] != '.';
  if (dir) closedir(dir);
  return n;
}

static void write_text(tr_ctx *ctx, const char *name, const char *text) {
  tr_out_file *file;
  CHECK_OK(ctx, tr_out_file_open(ctx, in_folder(name), &file));
  CHECK(fputs(text, tr_out_file_stream(file)) >= 0);
  CHECK_OK(ctx, tr_out_file_commit(ctx, &file));
  CHECK(file == NULL);
}

static void check_content(tr_ctx *ctx, const char *name, const char *text) {
  tr_file_map map;
  CHECK_OK(ctx, tr_file_map_open(ctx, in_folder(name), &map));
  CHECK(map.size == strlen(text) && (map.size == 0 || memcmp(map.data, text, map.size) == 0));
  CHECK(map.path && strcmp(map.path, in_folder(name)) == 0);
  tr_file_map_close(&map);
  CHECK(map.data == NULL && map.size == 0 && map.path == NULL);
  tr_file_map_close(&map);
}

static void round_trip(tr_ctx *ctx) {
  write_text(ctx, "a.txt", "first");
  check_content(ctx, "a.txt", "first");
  write_text(ctx, "a.txt", "second, longer");
  check_content(ctx, "a.txt", "second, longer");
  write_text(ctx, "empty.txt", "");
  check_content(ctx, "empty.txt", "");
  CHECK(files_in_folder() == 2);
}

/* Until the commit the old content stands; a discard leaves no trace; permissions follow the umask. */
static void whole_or_not_at_all(tr_ctx *ctx) {
  tr_out_file *file;
  CHECK_OK(ctx, tr_out_file_open(ctx, in_folder("a.txt"), &file));
  fputs("half", tr_out_file_stream(file));
  fflush(tr_out_file_stream(file));
  check_content(ctx, "a.txt", "second, longer");
  tr_out_file_discard(&file);
  CHECK(file == NULL);
  tr_out_file_discard(&file);
  check_content(ctx, "a.txt", "second, longer");
  CHECK(files_in_folder() == 2);

  mode_t mask = umask(027);
  write_text(ctx, "mode.txt", "x");
  umask(mask);
  struct stat info;
  CHECK(stat(in_folder("mode.txt"), &info) == 0 && (info.st_mode & 0777) == 0640);
  CHECK(unlink(in_folder("mode.txt")) == 0);
}

/* A write that the system refuses (a limit on the file size stands in for a full disk), early or late. */
static void full_disk(tr_ctx *ctx) {
  struct rlimit before;
  signal(SIGXFSZ, SIG_IGN);
  CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
  struct rlimit small = {.rlim_cur = 1000, .rlim_max = before.rlim_max};
  for (int bytes = 2000; bytes <= 200000; bytes *= 100) { /* fails in the last flush; fails while writing */
    tr_out_file *file;
    CHECK_OK(ctx, tr_out_file_open(ctx, in_folder("a.txt"), &file));
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    for (int i = 0; i < bytes; i++) fputc('x', tr_out_file_stream(file));
    tr_status status = tr_out_file_commit(ctx, &file);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_ERROR(ctx, status, TR_E_IO, "a.txt': File too large");
    CHECK(file == NULL);
    check_content(ctx, "a.txt", "second, longer");
    CHECK(files_in_folder() == 2);
  }
}

static void refused(tr_ctx *ctx) {
  tr_file_map map;
  tr_out_file *file;
  CHECK_ERROR(ctx, tr_file_map_open(ctx, in_folder("missing"), &map), TR_E_IO, "No such file");
  CHECK(map.data == NULL && map.path == NULL);
  CHECK_ERROR(ctx, tr_file_map_open(ctx, folder, &map), TR_E_IO, "it is a directory");
  CHECK_ERROR(ctx, tr_file_map_open(ctx, "/dev/null", &map), TR_E_IO, "not a regular file");
  CHECK(mkfifo(in_folder("pipe"), 0600) == 0);
  CHECK_ERROR(ctx, tr_file_map_open(ctx, in_folder("pipe"), &map), TR_E_IO, "not a regular file");
  CHECK_ERROR(ctx, tr_out_file_open(ctx, in_folder("pipe"), &file), TR_E_IO, "pipe");
  CHECK(unlink(in_folder("pipe")) == 0);
  CHECK_ERROR(ctx, tr_out_file_open(ctx, folder, &file), TR_E_IO, "directory");
  CHECK_ERROR(ctx, tr_out_file_open(ctx, "/dev/null", &file), TR_E_IO, "device");
  CHECK_ERROR(ctx, tr_out_file_open(ctx, "", &file), TR_E_IO, "empty name");
  CHECK_ERROR(ctx, tr_out_file_open(ctx, in_folder("no/such/file"), &file), TR_E_IO, "No such file");
  CHECK(file == NULL);
  if (geteuid() != 0) { /* root reads everything */
    CHECK(chmod(in_folder("a.txt"), 0) == 0);
    CHECK_ERROR(ctx, tr_file_map_open(ctx, in_folder("a.txt"), &map), TR_E_IO, "Permission denied");
  }
}

int main(int argc, char **argv) {
  tr_ctx *ctx = check_context(argc, argv);
  CHECK(mkdtemp(folder) != NULL);
  round_trip(ctx);
  whole_or_not_at_all(ctx);
  full_disk(ctx);
  refused(ctx);
  CHECK(unlink(in_folder("a.txt")) == 0 && unlink(in_folder("empty.txt")) == 0 && rmdir(folder) == 0);
  tr_ctx_close(&ctx);
  return check_report();
}
