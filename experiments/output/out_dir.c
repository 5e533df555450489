#include "experiments/output/out_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/file.h"
#include "core/text.h"
#include "experiments/common/program.h"
#include "experiments/output/staging.h"

#define FILES_MAX  32
#define NUMBER_MAX 9999 /* of a folder that is numbered */

typedef struct {
  char *final, *staged; /* staged NULL: an earlier run's file to remove */
  char *temporary;      /* what the staged one is called while it is written */
  bool folder;
} entry;

struct out_dir {
  char *path, *hidden;
  bool *made; /* [length]: whether the folder that this much of path names was made here */
  entry files[FILES_MAX];
  int n;
  out_dir *next; /* in `open_dirs` */
};

/* Those of now, for the clean-up: changed, as all that it reads, while signals wait. */
static out_dir *open_dirs;

static char *join(const char *folder, const char *name) {
  size_t size = strlen(folder) + strlen(name) + 2;
  char *text = malloc(size);
  if (text) snprintf(text, size, "%s/%s", folder, name);
  return text;
}

/* Which the system calls a file that exists. */
static tr_status fail_of_link(tr_ctx *ctx, const char *path, const char *to) {
  return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be made: it is a link to '%s', which is not there",
                 TR_SHOW(path, 200), TR_SHOW(to, 200));
}

static tr_status make_folder(tr_ctx *ctx, out_dir *dir, char *path) {
  if (mkdir(path, 0777) == 0) {
    dir->made[strlen(path)] = true;
    return TR_OK;
  }
  int reason = errno;
  struct stat status;
  bool there = stat(path, &status) == 0;
  if (there && S_ISDIR(status.st_mode)) return TR_OK;
  if (there)
    return TR_FAIL(ctx, TR_E_IO,
                   "folder '%s' cannot be made: there is a file of this name, give another --out", path);
  char to[4096];
  const ssize_t length = readlink(path, to, sizeof to - 1);
  if (length >= 0) return to[length] = 0, fail_of_link(ctx, path, to);
  return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be made: %s", path, strerror(reason));
}

static tr_status make_parents(tr_ctx *ctx, out_dir *dir) {
  for (char *c = dir->path + 1; *c; c++) {
    if (*c != '/') continue;
    *c = 0;
    tr_status status = make_folder(ctx, dir, dir->path);
    *c = '/';
    TR_TRY(status);
  }
  return TR_OK;
}

/* STEM-0001, or the first number whose folder is not there: made here, so that no two runs have one. */
static tr_status make_next(tr_ctx *ctx, out_dir *dir, const char *stem) {
  size_t length = strlen(stem);
  for (int number = 1; number <= NUMBER_MAX; number++) {
    snprintf(dir->path + length, sizeof "-0000", "-%04d", number);
    if (mkdir(dir->path, 0777) == 0) {
      dir->made[strlen(dir->path)] = true;
      return TR_OK;
    }
    if (errno != EEXIST)
      return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be made: %s", dir->path, strerror(errno));
  }
  return TR_FAIL(ctx, TR_E_IO, "'%s-0001' to '%s' are all there: give --out", stem, dir->path);
}

static tr_status prepare(tr_ctx *ctx, out_dir *dir, const char *path, bool next) {
  size_t size = strlen(path) + sizeof "-0000";
  dir->path = malloc(size);
  dir->made = calloc(size, sizeof *dir->made);
  if (!dir->path || !dir->made) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the folder '%s'", path);
  strcpy(dir->path, path);
  TR_TRY(make_parents(ctx, dir));
  TR_TRY(next ? make_next(ctx, dir, path) : make_folder(ctx, dir, dir->path));
  staging_remove_dead(dir->path);
  dir->hidden = staging_make(dir->path);
  if (dir->hidden) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be written: %s", dir->path, strerror(errno));
}

/* Removes the folders that were made, innermost first. One that holds something stays. */
static void remove_folders(out_dir *dir) {
  for (size_t length = strlen(dir->path); length > 0; length--) {
    if (!dir->made[length]) continue;
    dir->path[length] = 0;
    if (rmdir(dir->path) != 0 && errno != ENOENT) return;
  }
}

/* By async-signal-safe calls, which cannot look into a folder: that of results then stays where the next run
 * removes what has died. */
static void remove_all(out_dir *dir) {
  for (int i = 0; i < dir->n; i++) {
    if (dir->files[i].staged) unlink(dir->files[i].staged);
    if (dir->files[i].temporary) unlink(dir->files[i].temporary);
  }
  if (dir->hidden) rmdir(dir->hidden);
  if (dir->path && dir->made) remove_folders(dir);
}

static void remove_open(void) {
  for (out_dir *dir = open_dirs; dir; dir = dir->next) remove_all(dir);
}

static void release(out_dir **dir) {
  for (out_dir **at = &open_dirs; *at; at = &(*at)->next)
    if (*at == *dir) {
      *at = (*dir)->next;
      break;
    }
  for (int i = 0; i < (*dir)->n; i++) {
    free((*dir)->files[i].final);
    free((*dir)->files[i].staged);
    free((*dir)->files[i].temporary);
  }
  free((*dir)->made);
  free((*dir)->path);
  free((*dir)->hidden);
  free(*dir);
  *dir = NULL;
}

void out_dir_discard(out_dir **dir) {
  sigset_t before;
  if (!*dir) return;
  program_hold_signals(&before);
  for (int i = 0; i < (*dir)->n; i++)
    if ((*dir)->files[i].folder) staging_remove((*dir)->files[i].staged);
  remove_all(*dir);
  release(dir);
  program_release_signals(&before);
}

static tr_status open_dir(tr_ctx *ctx, const char *path, bool next, out_dir **out) {
  sigset_t before;
  *out = calloc(1, sizeof **out);
  if (!*out) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the folder '%s'", path);
  program_at_second_signal(remove_open);
  program_hold_signals(&before);
  (*out)->next = open_dirs;
  open_dirs = *out;
  tr_status status = prepare(ctx, *out, path, next);
  if (status != TR_OK) out_dir_discard(out);
  program_release_signals(&before);
  return status;
}

tr_status out_dir_open(tr_ctx *ctx, const char *path, out_dir **out) {
  return open_dir(ctx, path, false, out);
}

tr_status out_dir_open_next(tr_ctx *ctx, const char *stem, out_dir **out) {
  return open_dir(ctx, stem, true, out);
}

const char *out_dir_path(const out_dir *dir) {
  return dir->path;
}

static char *temporary_of(const char *path) {
  size_t size = strlen(path) + 48;
  char *text = malloc(size);
  if (text) snprintf(text, size, TR_OUT_FILE_TEMPORARY, path, (long)getpid(), 0); /* the folder is our own */
  return text;
}

static tr_status add(tr_ctx *ctx, out_dir *dir, const char *name, bool staged) {
  if (dir->n == FILES_MAX) return TR_FAIL(ctx, TR_E_MEM, "more than %d files in '%s'", FILES_MAX, dir->path);
  entry e = {.final = join(dir->path, name), .staged = staged ? join(dir->hidden, name) : NULL};
  if (e.staged) e.temporary = temporary_of(e.staged);
  sigset_t before;
  program_hold_signals(&before);
  dir->files[dir->n++] = e;
  program_release_signals(&before);
  if (!e.final || (staged && !e.temporary)) return TR_FAIL(ctx, TR_E_MEM, "out of memory for '%s'", name);
  return TR_OK;
}

tr_status out_dir_stage(tr_ctx *ctx, out_dir *dir, const char *name, const char **path) {
  TR_TRY(add(ctx, dir, name, true));
  *path = dir->files[dir->n - 1].staged;
  return TR_OK;
}

tr_status out_dir_stage_folder(tr_ctx *ctx, out_dir *dir, const char *name, const char **path) {
  TR_TRY(out_dir_stage(ctx, dir, name, path));
  dir->files[dir->n - 1].folder = true;
  if (mkdir(*path, 0777) == 0) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "folder '%s' cannot be made: %s", dir->files[dir->n - 1].final,
                 strerror(errno));
}

tr_status out_dir_stale(tr_ctx *ctx, out_dir *dir, const char *name) {
  return add(ctx, dir, name, false);
}

static tr_status publish(tr_ctx *ctx, out_dir *dir) {
  for (int i = 0; i < dir->n; i++) {
    const entry *e = &dir->files[i];
    if (e->folder && !staging_remove(e->final))
      return TR_FAIL(ctx, TR_E_IO, "the old '%s' cannot be removed: %s", e->final, strerror(errno));
    if (e->staged && rename(e->staged, e->final) != 0)
      return TR_FAIL(ctx, TR_E_IO, "'%s' cannot be written: %s", e->final, strerror(errno));
    if (!e->staged && !staging_remove(e->final))
      return TR_FAIL(ctx, TR_E_IO, "the old '%s' cannot be removed: %s", e->final, strerror(errno));
  }
  return TR_OK;
}

tr_status out_dir_commit(tr_ctx *ctx, out_dir **dir) {
  sigset_t before;
  program_hold_signals(&before);
  tr_status status = publish(ctx, *dir);
  if (status == TR_OK) {
    rmdir((*dir)->hidden);
    release(dir);
  } else {
    out_dir_discard(dir);
  }
  program_release_signals(&before);
  return status;
}
