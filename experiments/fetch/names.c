#include "experiments/fetch/names.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/io/file.h"
#include "core/module/registry.h"
#include "core/text.h"
#include "experiments/fetch/spelling.h"

static const char built_in[] = {
#include "experiments/fetch/names_json.inc"
};

struct fetch_names {
  json_t *own, *built_in; /* own NULL: there is none */
};

/* ---- the form ---- */

typedef struct {
  tr_ctx *ctx;
  const char *file; /* for messages */
  const char *name;
} place;

static tr_status wrong(const place *at, const char *key, const char *needed) {
  char name[96] = "";
  if (at->name) snprintf(name, sizeof name, "names: '%s': ", TR_SHOW(at->name, 60));
  return TR_FAIL(at->ctx, TR_E_IO, "'%s': %s%s: %s is needed", TR_SHOW(at->file, 200), name, key, needed);
}

/* A text of 1 to 400 characters without control characters. */
static bool is_text(const json_t *value) {
  const char *text = json_string_value(value);
  return text && *text && strlen(text) <= 400 && spelled_plainly(text);
}

static tr_status check_text(const place *at, const json_t *entry, const char *key) {
  const json_t *value = json_object_get(entry, key);
  return !value || is_text(value) ? TR_OK : wrong(at, key, "a text of 1 to 400 characters");
}

static bool is_path(const json_t *value) {
  return is_text(value) && spelled_path(json_string_value(value));
}

/* A list of 1 to `most` values. */
static bool is_list(const json_t *value, size_t most) {
  return json_is_array(value) && json_array_size(value) > 0 && json_array_size(value) <= most;
}

static bool all_are(const json_t *list, bool (*good)(const json_t *value)) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (!good(json_array_get(list, i))) return false;
  return true;
}

static tr_status check_texts(const place *at, const json_t *entry, const char *key) {
  const json_t *list = json_object_get(entry, key);
  if (!list) return TR_OK;
  if (!is_list(list, FETCH_ALSO)) return wrong(at, key, "a list of 1 to 8 texts");
  return all_are(list, is_text) ? TR_OK : wrong(at, key, "a list of texts");
}

/* A file, or the list of its names. */
static bool is_file(const json_t *value) {
  return is_path(value) || (is_list(value, FETCH_ALTERNATIVES) && all_are(value, is_path));
}

static tr_status check_files(const place *at, const json_t *list) {
  if (!list) return TR_OK;
  if (!is_list(list, FETCH_FILES)) return wrong(at, "files", "a list of 1 to 16 files");
  return all_are(list, is_file) ? TR_OK
                                : wrong(at, "files", "a list of paths, without '..' and '/' at an end,");
}

static tr_status check_digest(const place *at, const json_t *entry) {
  const char *text = json_string_value(json_object_get(entry, "sha256"));
  if (!json_object_get(entry, "sha256")) return TR_OK;
  return text && spelled_hex(text, 8, 64) ? TR_OK
                                          : wrong(at, "sha256", "8 to 64 lower-case hexadecimal digits");
}

/* One of the two, or files that lie on this machine. */
static tr_status check_origin(const place *at, const json_t *entry) {
  const char *repo = json_string_value(json_object_get(entry, "repo")),
             *url = json_string_value(json_object_get(entry, "url")),
             *revision = json_string_value(json_object_get(entry, "revision")),
             *cache = json_string_value(json_object_get(entry, "cache"));
  const json_t *files = json_object_get(entry, "files"), *also = json_object_get(entry, "also");
  if ((repo != NULL) + (url != NULL) != 1 && !(also && !repo && !url))
    return wrong(at, "repo", "one of 'repo' and 'url', or 'also' alone,");
  if (repo && !spelled_repo(repo)) return wrong(at, "repo", "OWNER/NAME");
  if (revision && !spelled_revision(revision)) return wrong(at, "revision", "a branch, a tag or a commit");
  if (url && !spelled_url(url)) return wrong(at, "url", "https://... or http://...");
  if (url && json_array_size(files) != 1)
    return wrong(at, "files", "one file, which is what comes from 'url',");
  if (repo && !files) return wrong(at, "files", "a list of files");
  if (cache && strcmp(cache, "torch") != 0 && strcmp(cache, "transit") != 0)
    return wrong(at, "cache", "'torch' or 'transit'");
  return TR_OK;
}

static tr_status check_entry(const place *at, const json_t *entry) {
  static const char *const known[] = {"about",  "repo",  "revision", "url",    "cache",
                                      "sha256", "files", "also",     "aliases"};
  enum { N = sizeof known / sizeof *known, TEXTS = 5 /* the first ones */ };
  const char *key;
  json_t *value;
  if (!json_is_object(entry)) return wrong(at, "its value", "an object");
  json_object_foreach((json_t *)entry, key, value) {
    int i = 0;
    while (i < N && strcmp(key, known[i]) != 0) i++;
    if (i == N)
      return wrong(at, TR_SHOW(key, 40), "about, repo, revision, url, cache, sha256, files, also or aliases");
  }
  for (int i = 0; i < TEXTS; i++) TR_TRY(check_text(at, entry, known[i]));
  TR_TRY(check_files(at, json_object_get(entry, "files")));
  TR_TRY(check_texts(at, entry, "also"));
  TR_TRY(check_texts(at, entry, "aliases"));
  TR_TRY(check_digest(at, entry));
  return check_origin(at, entry);
}

static tr_status check_root(place *at, const json_t *root) {
  const json_t *names = json_object_get(root, "names"), *endpoint = json_object_get(root, "endpoint");
  const char *name;
  json_t *entry;
  if (!json_is_object(names)) return wrong(at, "names", "an object of names");
  if (json_object_size(root) != 1u + (endpoint != NULL))
    return wrong(at, "keys", "'names', perhaps 'endpoint',");
  if (endpoint && !(is_text(endpoint) && spelled_url(json_string_value(endpoint))))
    return wrong(at, "endpoint", "https://... or http://...");
  json_object_foreach((json_t *)names, name, entry) {
    at->name = name;
    if (!*name || strlen(name) > 100 || !spelled_plainly(name))
      return wrong(at, "name", "1 to 100 characters");
    TR_TRY(check_entry(at, entry));
  }
  return TR_OK;
}

static tr_status parse(tr_ctx *ctx, const char *file, const char *text, size_t size, json_t **out) {
  json_error_t error;
  *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
  if (!*out)
    return TR_FAIL(ctx, TR_E_IO, "'%s', line %d, column %d: %s", TR_SHOW(file, 200), error.line, error.column,
                   TR_SHOW(error.text, 150));
  return check_root(&(place){ctx, file, NULL}, *out);
}

static tr_status read_own(tr_ctx *ctx, const char *path, json_t **out) {
  tr_file_map map;
  TR_TRY(tr_file_map_open(ctx, path, &map));
  tr_status status =
      map.size > 1 << 20
          ? TR_FAIL(ctx, TR_E_IO, "'%s' has %zu bytes: a file of names has at most 1048576", path, map.size)
          : parse(ctx, path, map.size ? (const char *)map.data : "", map.size, out);
  tr_file_map_close(&map);
  return status;
}

/* Nothing on the command line tells where the file comes from. */
static tr_status name_variable(tr_ctx *ctx, tr_status status) {
  if (status == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, status, "%s: %s", FETCH_NAMES_VARIABLE, TR_SHOW(error.message, 400));
}

tr_status fetch_names_open(tr_ctx *ctx, const char *own, fetch_names **out) {
  fetch_names *names = *out = calloc(1, sizeof *names);
  if (!names) return TR_FAIL(ctx, TR_E_MEM, "out of memory for the table of names");
  const bool by_variable = !own;
  if (by_variable) own = getenv(FETCH_NAMES_VARIABLE);
  tr_status status = parse(ctx, "names.json", built_in, sizeof built_in, &names->built_in);
  if (status == TR_OK && own && *own) {
    status = read_own(ctx, own, &names->own);
    if (by_variable) status = name_variable(ctx, status);
  }
  if (status != TR_OK) fetch_names_close(out);
  return status;
}

void fetch_names_close(fetch_names **names) {
  if (!*names) return;
  json_decref((*names)->own);
  json_decref((*names)->built_in);
  free(*names);
  *names = NULL;
}

/* ---- what it says ---- */

const char *fetch_names_endpoint(const fetch_names *names) {
  const char *own = json_string_value(json_object_get(names->own, "endpoint"));
  return own ? own : json_string_value(json_object_get(names->built_in, "endpoint"));
}

/* The table that an i-th name is of; i becomes its number there. */
static json_t *table_of(const fetch_names *names, int *i) {
  json_t *own = json_object_get(names->own, "names");
  if (*i < (int)json_object_size(own)) return own;
  *i -= (int)json_object_size(own);
  return json_object_get(names->built_in, "names");
}

const char *fetch_names_at(const fetch_names *names, int i) {
  json_t *table = table_of(names, &i);
  for (void *at = json_object_iter(table); at; at = json_object_iter_next(table, at))
    if (i-- == 0) return json_object_iter_key(at);
  return NULL;
}

static bool has_alias(const json_t *entry, const char *name) {
  size_t i;
  const json_t *alias;
  json_array_foreach(json_object_get(entry, "aliases"), i, alias) {
    if (strcmp(json_string_value(alias), name) == 0) return true;
  }
  return false;
}

/* An entry by its name or one of its aliases; *found is the name. */
static const json_t *entry_of(const json_t *root, const char *name, const char **found) {
  const char *key;
  json_t *entry, *table = json_object_get(root, "names");
  json_object_foreach(table, key, entry) {
    *found = key;
    if (strcmp(key, name) == 0) return entry;
  }
  json_object_foreach(table, key, entry) {
    *found = key;
    if (has_alias(entry, name)) return entry;
  }
  return NULL;
}

static const json_t *find(const fetch_names *names, const char *name, const char **found) {
  const json_t *entry = entry_of(names->own, name, found);
  return entry ? entry : entry_of(names->built_in, name, found);
}

bool fetch_names_has(const fetch_names *names, const char *name) {
  const char *found;
  return find(names, name, &found) != NULL;
}

static const char *text_or(const json_t *entry, const char *key, const char *otherwise) {
  const char *text = json_string_value(json_object_get(entry, key));
  return text ? text : otherwise;
}

static fetch_file file_of(const json_t *value) {
  fetch_file file = {1, {json_string_value(value)}};
  size_t i;
  const json_t *one;
  if (json_is_array(value)) file.n = (int)json_array_size(value);
  json_array_foreach((json_t *)value, i, one) {
    file.names[i] = json_string_value(one);
  }
  return file;
}

static void take_entry(const char *name, const json_t *entry, fetch_source *out) {
  size_t i;
  const json_t *value;
  *out = (fetch_source){.name = name,
                        .about = text_or(entry, "about", ""),
                        .repo = text_or(entry, "repo", NULL),
                        .revision = text_or(entry, "revision", "main"),
                        .url = text_or(entry, "url", NULL),
                        .sha256 = text_or(entry, "sha256", NULL),
                        .cache = text_or(entry, "cache", "transit"),
                        .folder = "",
                        .listed = true};
  json_array_foreach(json_object_get(entry, "files"), i, value) {
    out->files[out->n_files++] = file_of(value);
  }
  json_array_foreach(json_object_get(entry, "also"), i, value) {
    out->also[out->n_also++] = json_string_value(value);
  }
}

/* OWNER/NAME[@REVISION][:PATH], cut into its parts in out->own. */
static bool take_spelled(const char *name, fetch_source *out) {
  *out = (fetch_source){.name = name, .about = "", .revision = "main", .cache = "transit", .folder = ""};
  if (strlen(name) >= sizeof out->own) return false;
  strcpy(out->own, name);
  char *path = strchr(out->own, ':');
  if (path) *path++ = 0;
  char *revision = strchr(out->own, '@');
  if (revision) *revision++ = 0;
  out->repo = out->own;
  if (revision) out->revision = revision;
  if (!spelled_repo(out->repo) || !spelled_revision(out->revision)) return false;
  if (!path) return true;
  const size_t length = strlen(path);
  const bool folder = length > 1 && path[length - 1] == '/';
  if (folder) path[length - 1] = 0;
  if (!spelled_path(path)) return false;
  if (folder)
    path[length - 1] = '/', out->folder = path;
  else
    out->files[out->n_files++] = (fetch_file){1, {path}};
  return true;
}

enum { SPELLINGS = 256 };

/* All spellings of a table's names. */
static int add_spellings(const json_t *root, const char *all[SPELLINGS], int n) {
  const char *key;
  json_t *entry;
  size_t i;
  const json_t *alias;
  json_object_foreach(json_object_get(root, "names"), key, entry) {
    if (n < SPELLINGS) all[n++] = key;
    json_array_foreach(json_object_get(entry, "aliases"), i, alias) {
      if (n < SPELLINGS) all[n++] = json_string_value(alias);
    }
  }
  return n;
}

const char *fetch_names_near(const fetch_names *names, const char *word) {
  const char *all[SPELLINGS];
  const int n = add_spellings(names->own, all, 0);
  return tr_nearest(word, all, add_spellings(names->built_in, all, n));
}

tr_status fetch_names_find(tr_ctx *ctx, const fetch_names *names, const char *name, fetch_source *out) {
  const char *found;
  const json_t *entry = find(names, name, &found);
  if (entry) take_entry(found, entry, out);
  if (entry || take_spelled(name, out)) return TR_OK;
  const char *near = fetch_names_near(names, name);
  return TR_FAIL(ctx, TR_E_ARG, "unknown name '%s': %s%s%s, or OWNER/NAME[@REVISION][:PATH]",
                 TR_SHOW(name, 120), near ? "did you mean '" : "see 'transit fetch --list'", near ? near : "",
                 near ? "'" : "");
}
