#define _DEFAULT_SOURCE /* realpath */
#include "experiments/evaluate/cache/cache.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/files/paths.h"
#include "experiments/output/npz_put.h"

#define ENDING       ".features"
#define DIGITS       16 /* of a digest in a name */
#define SHARD_DIGITS 6
#define LEFT_OVER    3600 /* seconds without a change */

/* ---- names ---- */

static size_t without_slashes(const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  return length;
}

/* Whether the last part of the path, of that length, is "." or "..", which is no name to add to. */
static bool ends_in_dots(const char *path, size_t length) {
  size_t dots = 0;
  while (dots < length && path[length - 1 - dots] == '.') dots++;
  return (dots == 1 || dots == 2) && (dots == length || path[length - 1 - dots] == '/');
}

/* FILE.features, without the slashes at its end; of . and .. by the folder's own name. */
static char *folder_of(const char *path) {
  char *real = ends_in_dots(path, without_slashes(path)) ? realpath(path, NULL) : NULL;
  const char *name = real ? real : path;
  const size_t length = without_slashes(name);
  char *folder = malloc(length + sizeof ENDING);
  if (folder) snprintf(folder, length + sizeof ENDING, "%.*s" ENDING, (int)length, name);
  free(real);
  return folder;
}

static char *path_of(const feature_cache *c, int64_t shard) {
  const size_t size = strlen(c->folder) + sizeof c->key + 32;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s/%s-%0*lld.npz", c->folder, c->key, SHARD_DIGITS, (long long)shard);
  return path;
}

/* What stands behind PICTURES-HOW-NUMBER.npz, 16 digits of each digest; NULL: the name does not begin so. */
static const char *behind_shard(const char *name) {
  static const char hex[] = "0123456789abcdef", ending[] = ".npz";
  for (int digest = 0; digest < 2; digest++) {
    if (strspn(name, hex) != DIGITS || name[DIGITS] != '-') return NULL;
    name += DIGITS + 1;
  }
  const size_t number = strspn(name, "0123456789"), length = sizeof ending - 1;
  return number >= SHARD_DIGITS && strncmp(name + number, ending, length) == 0 ? name + number + length
                                                                               : NULL;
}

/* ---- opening ---- */

static tr_status set_key(feature_cache *c, const char *pictures, const char *how) {
  char digest[TR_SHA256_TEXT];
  const tr_file_map text = {
      .data = (const unsigned char *)how, .size = strlen(how), .path = (char *)(uintptr_t) "a key"};
  TR_TRY(tr_sha256_map(c->ctx, &text, digest));
  snprintf(c->key, sizeof c->key, "%.*s-%.*s", DIGITS, pictures, DIGITS, digest);
  return TR_OK;
}

/* Half of a shard, by a run that was killed: another one that is at work writes its own within seconds. */
static bool is_left_over(const char *path, const char *behind) {
  struct stat info;
  return *behind == '.' && tr_text_ends_with(behind, ".tmp") && stat(path, &info) == 0 &&
         difftime(time(NULL), info.st_mtime) > LEFT_OVER;
}

/* Of contents that the file no longer has, and what was never whole. */
static void remove_stale(const feature_cache *c) {
  const size_t size = strlen(c->folder) + 300;
  char *path = malloc(size);
  DIR *dir = path ? opendir(c->folder) : NULL;
  const struct dirent *entry;
  while (dir && (entry = readdir(dir))) {
    const char *behind = behind_shard(entry->d_name);
    if (!behind) continue;
    snprintf(path, size, "%s/%s", c->folder, entry->d_name);
    if (*behind ? is_left_over(path, behind) : strncmp(entry->d_name, c->key, DIGITS) != 0) unlink(path);
  }
  if (dir) closedir(dir);
  free(path);
}

static void cannot_write(feature_cache *c, const char *why) {
  tr_ctx_warn(c->ctx, "features are not kept for the next time: '%s' cannot be written: %s",
              TR_SHOW(c->folder, 200), why);
  c->writes = false;
}

tr_status feature_cache_open(tr_ctx *ctx, const char *path, const char pictures[TR_SHA256_TEXT],
                             const char *how, feature_cache *out) {
  *out = (feature_cache){.ctx = ctx, .folder = folder_of(path), .writes = true};
  if (!out->folder) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the name of a cache");
  TR_TRY(set_key(out, pictures, how));
  if (mkdir(out->folder, 0777) != 0 && errno != EEXIST)
    cannot_write(out, strerror(errno));
  else if (!path_is_folder(out->folder))
    cannot_write(out, access(out->folder, F_OK) == 0 ? "there is a file of this name"
                                                     : "it is a link that leads nowhere");
  else if (access(out->folder, W_OK | X_OK) != 0)
    cannot_write(out, strerror(errno));
  if (out->writes) remove_stale(out);
  return TR_OK;
}

void feature_cache_close(feature_cache *cache) {
  if (cache->folder) rmdir(cache->folder); /* an empty one is of no use */
  free(cache->folder);
  *cache = (feature_cache){0};
}

/* ---- shards ---- */

static tr_status read_array(const feature_cache *c, tr_npz *file, int k, const feature_set *set,
                            int64_t first, int64_t n) {
  const metric_rows *rows = &set->rows[k];
  tr_npy npy;
  if (rows->d == 0) return TR_OK;
  TR_TRY(tr_npz_get(file, feature_set_names[k], &npy));
  const bool fits = npy.ndim == 2 && npy.dtype == rows->dtype && npy.shape[0] == n && npy.shape[1] == rows->d;
  if (fits) memcpy(feature_set_at(set, k, first), npy.data, (size_t)npy.count * tr_dtype_size(npy.dtype));
  tr_npy_close(&npy);
  return fits ? TR_OK : TR_FAIL(c->ctx, TR_E_SHAPE, "'%s' has another shape or type", feature_set_names[k]);
}

static tr_status read_shard(const feature_cache *c, const char *path, const feature_set *set, int64_t first,
                            int64_t n) {
  tr_npz *file;
  TR_TRY(tr_npz_open(c->ctx, path, &file));
  tr_status status = TR_OK;
  for (int k = 0; k < FEATURES_ARRAYS && status == TR_OK; k++) status = read_array(c, file, k, set, first, n);
  tr_npz_close(&file);
  return status;
}

bool feature_cache_get(const feature_cache *c, int64_t shard, const feature_set *set, int64_t first,
                       int64_t n) {
  char *path = c->folder ? path_of(c, shard) : NULL;
  const bool there = path && access(path, F_OK) == 0;
  const bool right = there && read_shard(c, path, set, first, n) == TR_OK;
  if (there && !right) {
    const tr_error error = *tr_ctx_error(c->ctx);
    tr_ctx_clear(c->ctx);
    tr_ctx_warn(c->ctx, "cached features are made again: %s", error.message);
  }
  free(path);
  return right;
}

static tr_status write_shard(const feature_cache *c, const char *path, const feature_set *set, int64_t first,
                             int64_t n) {
  tr_npz_out *file;
  TR_TRY(tr_npz_create(c->ctx, path, &file));
  tr_status status = TR_OK;
  for (int k = 0; k < FEATURES_ARRAYS && status == TR_OK; k++)
    if (set->rows[k].d > 0)
      status = npz_put(c->ctx, file, feature_set_names[k], set->rows[k].dtype, 2,
                       (int64_t[]){n, set->rows[k].d}, feature_set_at(set, k, first));
  if (status == TR_OK) status = tr_npz_commit(&file);
  tr_npz_discard(&file);
  return status;
}

void feature_cache_put(feature_cache *c, int64_t shard, const feature_set *set, int64_t first, int64_t n) {
  if (!c->folder || !c->writes) return;
  char *path = path_of(c, shard);
  if (!path || write_shard(c, path, set, first, n) != TR_OK) {
    const tr_error error = *tr_ctx_error(c->ctx);
    tr_ctx_clear(c->ctx);
    cannot_write(c, path ? error.message : "out of memory");
  }
  free(path);
}
