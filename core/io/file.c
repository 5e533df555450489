#include "core/io/file_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/require_private.h"

/* ---- mappings ---- */

static tr_status check_regular(tr_ctx *ctx, const char *path, int fd, off_t *size) {
  struct stat info;
  if (fstat(fd, &info) != 0) return TR_FAIL(ctx, TR_E_IO, "cannot read '%s': %s", path, strerror(errno));
  if (S_ISDIR(info.st_mode))
    return TR_FAIL(ctx, TR_E_IO, "cannot read '%s': it is a directory, not a file", path);
  if (!S_ISREG(info.st_mode))
    return TR_FAIL(ctx, TR_E_IO, "cannot read '%s': it is not a regular file", path);
  *size = info.st_size;
  return TR_OK;
}

/* Opens a regular file; the caller closes *fd. */
static tr_status open_regular(tr_ctx *ctx, const char *path, int *fd, off_t *size) {
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not block the open */
  if (*fd < 0) return TR_FAIL(ctx, TR_E_IO, "cannot open '%s': %s", path, strerror(errno));
  tr_status status = check_regular(ctx, path, *fd, size);
  if (status != TR_OK) close(*fd);
  return status;
}

static tr_status map_descriptor(tr_ctx *ctx, int fd, off_t size, tr_file_map *map) {
  if (size == 0) return TR_OK; /* mmap refuses a length of 0 */
  if ((uintmax_t)size > SIZE_MAX)
    return TR_FAIL(ctx, TR_E_IO, "cannot map '%s': it is larger than the address space", map->path);
  void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return TR_FAIL(ctx, TR_E_IO, "cannot map '%s': %s", map->path, strerror(errno));
  map->data = data;
  map->size = (size_t)size;
  return TR_OK;
}

tr_status tr_file_map_open(tr_ctx *ctx, const char *path, tr_file_map *out) {
  TR_REQUIRE(ctx, path, out);
  *out = (tr_file_map){.path = strdup(path)};
  if (!out->path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the name of '%s'", path);
  int fd;
  off_t bytes;
  tr_status status = open_regular(ctx, path, &fd, &bytes);
  if (status == TR_OK) {
    status = map_descriptor(ctx, fd, bytes, out);
    close(fd);
  }
  if (status != TR_OK) tr_file_map_close(out);
  return status;
}

void tr_file_map_close(tr_file_map *map) {
  if (!map) return;
  if (map->data) munmap((void *)map->data, map->size);
  free(map->path);
  *map = (tr_file_map){0};
}

const char *tr_file_temporary_folder(void) {
  const char *folder = getenv("TMPDIR");
  return folder && *folder ? folder : "/var/tmp"; /* /tmp may be memory itself */
}

void tr_file_temporary(FILE **out, const char **why) {
  char path[4096];
  const int length = snprintf(path, sizeof path, "%s/transit-XXXXXX", tr_file_temporary_folder());
  errno = ENAMETOOLONG;
  const int fd = length < (int)sizeof path ? mkstemp(path) : -1;
  *out = fd < 0 ? NULL : fdopen(fd, "w+b");
  *why = *out ? NULL : strerror(errno);
  if (fd >= 0) unlink(path);
  if (fd >= 0 && !*out) close(fd);
}

tr_status tr_file_map_temporary(tr_ctx *ctx, FILE *file, const char *name, tr_file_map *out) {
  struct stat info;
  *out = (tr_file_map){.path = strdup(name)};
  if (!out->path) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the name of '%s'", name);
  tr_status status = TR_OK;
  if (fstat(fileno(file), &info) != 0)
    status = TR_FAIL(ctx, TR_E_IO, "cannot read '%s' unpacked: %s", name, strerror(errno));
  if (status == TR_OK) status = map_descriptor(ctx, fileno(file), info.st_size, out);
  if (status != TR_OK) tr_file_map_close(out);
  return status;
}

tr_status tr_file_stream_open(tr_ctx *ctx, const char *path, FILE **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  int fd;
  off_t bytes;
  TR_TRY(open_regular(ctx, path, &fd, &bytes));
  if ((*out = fdopen(fd, "rb"))) return TR_OK;
  close(fd);
  return TR_FAIL(ctx, TR_E_MEM, "out of memory for '%s'", path);
}

/* ---- output, whole or not at all ---- */

struct tr_out_file {
  FILE *stream;
  char *path;      /* the name it shall have */
  char *temporary; /* the name it has until then, in the same directory */
};

/* The target must be absent or a regular file: renaming over a device or a directory is never meant. */
static tr_status check_target(tr_ctx *ctx, const char *path) {
  struct stat info;
  if (*path == 0) return TR_FAIL(ctx, TR_E_IO, "cannot write a file with an empty name");
  if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) return TR_OK;
  return TR_FAIL(ctx, TR_E_IO, "cannot write '%s': it is a %s", path,
                 S_ISDIR(info.st_mode) ? "directory" : "device or pipe, not a regular file");
}

/* Creates TR_OUT_FILE_TEMPORARY, with the permissions that the umask leaves (mkstemp
 * would make it private). */
static int create_temporary(tr_out_file *file, size_t size) {
  int fd = -1;
  for (int k = 0; k < 1000 && fd < 0; k++) {
    snprintf(file->temporary, size, TR_OUT_FILE_TEMPORARY, file->path, (long)getpid(), k);
    fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST) break;
  }
  return fd;
}

static void free_out_file(tr_out_file **file) {
  free((*file)->path);
  free((*file)->temporary);
  free(*file);
  *file = NULL;
}

tr_status tr_out_file_open(tr_ctx *ctx, const char *path, tr_out_file **out) {
  if (out) *out = NULL;
  TR_REQUIRE(ctx, path, out);
  TR_TRY(check_target(ctx, path));
  size_t size = strlen(path) + 48;
  tr_out_file *file = calloc(1, sizeof *file);
  if (!file || !(file->path = strdup(path)) || !(file->temporary = malloc(size))) {
    if (file) free_out_file(&file);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for the name of '%s'", path);
  }
  int fd = create_temporary(file, size);
  if (fd >= 0 && !(file->stream = fdopen(fd, "wb"))) {
    close(fd);
    unlink(file->temporary);
  }
  if (!file->stream) {
    int reason = errno;
    free_out_file(&file);
    return TR_FAIL(ctx, TR_E_IO, "cannot write '%s': %s", path, strerror(reason));
  }
  *out = file;
  return TR_OK;
}

FILE *tr_out_file_stream(tr_out_file *file) {
  if (!file) return NULL;
  return file->stream;
}

/* After a rename the directory entry is what must reach the disk. File systems that cannot sync a directory
 * say so by an error, which is no reason to call the file unwritten. */
static void sync_directory(const char *path) {
  const char *slash = strrchr(path, '/');
  char *directory = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  int fd = directory ? open(directory, O_RDONLY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  free(directory);
}

/* Why an earlier write failed, whose errno is lost: what keeps one more byte from being written. The file is
 * thrown away in any case. */
static int reason_of_failure(const tr_out_file *file) {
  errno = 0;
  return write(fileno(file->stream), "", 1) < 0 && errno ? errno : EIO;
}

/* Everything that may fail between the last write and the rename. Returns 0 or the system's error number. */
static int finish_stream(tr_out_file *file, bool sync) {
  errno = 0;
  int reason = 0;
  if (ferror(file->stream))
    reason = reason_of_failure(file);
  else if (fflush(file->stream) != 0 || (sync && fsync(fileno(file->stream)) != 0))
    reason = errno ? errno : EIO;
  errno = 0;
  if (fclose(file->stream) != 0 && reason == 0) reason = errno ? errno : EIO;
  file->stream = NULL;
  return reason;
}

static tr_status commit(tr_ctx *ctx, tr_out_file **file, bool sync) {
  int reason = finish_stream(*file, sync);
  if (reason == 0 && rename((*file)->temporary, (*file)->path) != 0) reason = errno;
  if (reason != 0) {
    tr_status status = TR_FAIL(ctx, TR_E_IO, "cannot write '%s': %s", (*file)->path, strerror(reason));
    tr_out_file_discard(file);
    return status;
  }
  if (sync) sync_directory((*file)->path);
  free_out_file(file);
  return TR_OK;
}

tr_status tr_out_file_commit(tr_ctx *ctx, tr_out_file **file) {
  TR_REQUIRE(ctx, file);
  TR_REQUIRE(ctx, *file);
  return commit(ctx, file, true);
}

tr_status tr_out_file_commit_unsynced(tr_ctx *ctx, tr_out_file **file) {
  return commit(ctx, file, false);
}

void tr_out_file_discard(tr_out_file **file) {
  if (!file || !*file) return;
  if ((*file)->stream) fclose((*file)->stream);
  unlink((*file)->temporary);
  free_out_file(file);
}
