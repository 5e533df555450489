#include "experiments/fetch/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "experiments/fetch/fetcher.h"
#include "experiments/files/paths.h"

static tr_status copy_of(tr_ctx *ctx, const char *text, char **out) {
  *out = strdup(text);
  return *out ? TR_OK : TR_FAIL(ctx, TR_E_MEM, "out of memory for a path");
}

static tr_status get(fetcher *f, const char *name, char **path) {
  fetch_source source;
  char found[FETCH_PATH];
  tr_ctx *ctx = f->program->ctx;
  TR_TRY(fetch_names_find(ctx, f->names, name, &source));
  TR_TRY(fetcher_get(f, &source, false, found));
  return copy_of(ctx, found, path);
}

/* What is asked for. */
typedef struct {
  const char *name, *option;
  const char *what;                   /* a path may be: "file" */
  bool (*is_there)(const char *path); /* whether one is; NULL: a path may not be */
  long image_size;                    /* of a model; 0: none is given */
} request;

static bool exists(const char *path) {
  return access(path, F_OK) == 0;
}

/* A path that is there needs no table of names: where that cannot be read, it is taken, with a warning, since
 * a name of the table might have come before it. */
static tr_status without_names(program *p, const request *r, tr_status status, char **path) {
  if (!r->is_there || !r->is_there(r->name)) return status;
  const tr_error error = *tr_ctx_error(p->ctx);
  tr_ctx_clear(p->ctx);
  tr_ctx_warn(p->ctx, "%s: %s: '%s' is taken as the path that is there", r->option,
              TR_SHOW(error.message, 400), TR_SHOW(r->name, 200));
  return copy_of(p->ctx, r->name, path);
}

/* By `how`, with a fetcher; after a failure the message begins with the option. */
static tr_status find(program *p, const request *r,
                      tr_status (*how)(fetcher *f, const request *r, char **path), char **path) {
  fetcher f;
  *path = NULL;
  tr_status status = fetcher_open(p, NULL, &f);
  status = status == TR_OK ? how(&f, r, path) : without_names(p, r, status, path);
  fetcher_close(&f);
  return program_option_error(p->ctx, r->option + strspn(r->option, "-"), status);
}

/* Without a path OWNER/NAME is all of a repository: where a file is meant, it is more likely a path of this
 * machine with a slip in it, and nobody is asked. */
static bool names_file(const fetch_names *names, const char *name) {
  return fetch_names_has(names, name) || strchr(name, ':');
}

static tr_status is_nothing(const fetcher *f, const request *r) {
  const char *near = fetch_names_near(f->names, r->name);
  return TR_FAIL(f->program->ctx, TR_E_ARG, "'%s' is no %s, and no name of 'transit fetch --list'%s%s%s",
                 TR_SHOW(r->name, 200), r->what, near ? ": did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
}

/* ---- a file ---- */

static tr_status get_named(fetcher *f, const request *r, char **path) {
  const bool is_path = !fetch_names_has(f->names, r->name) && exists(r->name);
  if (is_path) return copy_of(f->program->ctx, r->name, path);
  if (names_file(f->names, r->name)) return get(f, r->name, path);
  return is_nothing(f, r);
}

tr_status fetch_find(program *p, const char *given, const char *option, char **path) {
  return find(p, &(request){.name = given, .option = option, .what = "file", .is_there = exists}, get_named,
              path);
}

tr_status fetch_find_any(program *p, const char *given, const char *option, char **path) {
  return find(p, &(request){.name = given, .option = option, .what = "file or folder", .is_there = exists},
              get_named, path);
}

/* ---- the weights of a network ---- */

/* "SiT-XL/2-512, SiT-XL/2-256": names that begin so. */
static void begin_with(const fetch_names *names, const char *model, char *text, size_t size) {
  const char *name;
  size_t used = 0;
  *text = 0;
  for (int i = 0; (name = fetch_names_at(names, i)) && used < size; i++)
    if (strncmp(name, model, strlen(model)) == 0)
      used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
}

static tr_status has_no_sizes(fetcher *f, const request *r) {
  return TR_FAIL(
      f->program->ctx, TR_E_ARG,
      "'%s' is one file: --image-size chooses among the names of 'transit fetch --list', leave it away",
      TR_SHOW(r->name, 200));
}

static tr_status get_model(fetcher *f, const request *r, char **path) {
  char name[FETCH_TEXT], all[200];
  if (r->image_size > 0 && strchr(r->name, ':')) return has_no_sizes(f, r);
  snprintf(name, sizeof name, r->image_size > 0 ? "%.300s-%ld" : "%.300s", r->name, r->image_size);
  if (names_file(f->names, name)) return get(f, name, path);
  begin_with(f->names, r->name, all, sizeof all);
  const char *near = *all ? all : fetch_names_near(f->names, r->name);
  return TR_FAIL(f->program->ctx, TR_E_ARG, "no weights of '%s' are known%s%s: see 'transit fetch --list'",
                 TR_SHOW(name, 100), near ? ", but of " : "", near ? near : "");
}

tr_status fetch_model(program *p, const char *model, long image_size, char **path) {
  return find(p, &(request){.name = model, .option = "--model", .image_size = image_size}, get_model, path);
}

/* ---- the folder of an autoencoder ---- */

static tr_status get_folder(fetcher *f, const request *r, char **dir) {
  tr_ctx *ctx = f->program->ctx;
  const bool named = names_file(f->names, r->name);
  if (!fetch_names_has(f->names, r->name) && path_is_folder(r->name)) return copy_of(ctx, r->name, dir);
  if (!named && path_is_file(r->name))
    return TR_FAIL(ctx, TR_E_ARG, "'%s' is a file: a folder is needed, with config.json and the weights",
                   TR_SHOW(r->name, 300));
  if (!named) return is_nothing(f, r);
  TR_TRY(get(f, r->name, dir));
  if (path_is_folder(*dir)) return TR_OK;
  tr_status status = TR_FAIL(ctx, TR_E_ARG, "'%s' is one file, '%s': a folder is needed, with config.json",
                             TR_SHOW(r->name, 100), TR_SHOW(*dir, 300));
  free(*dir);
  *dir = NULL;
  return status;
}

tr_status vae_folder(program *p, const char *given, char **dir) {
  return find(p, &(request){.name = given, .option = "--vae", .what = "folder", .is_there = path_is_folder},
              get_folder, dir);
}
