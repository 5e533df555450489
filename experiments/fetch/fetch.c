#include "experiments/fetch/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/fetch/fetcher.h"

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

/* After a failure the message begins with the option. */
static tr_status told(program *p, const char *what, tr_status status) {
  return what ? program_option_error(p->ctx, what + strspn(what, "-"), status) : status;
}

/* Without a path OWNER/NAME is all of a repository: where a file is meant, it is more likely a path of this
 * machine with a slip in it, and nobody is asked. */
static bool names_file(const fetch_names *names, const char *name) {
  return fetch_names_has(names, name) || strchr(name, ':');
}

/* what: "file" or "folder". */
static tr_status is_nothing(const fetcher *f, const char *name, const char *what) {
  const char *near = fetch_names_near(f->names, name);
  return TR_FAIL(f->program->ctx, TR_E_ARG, "'%s' is no %s, and no name of 'transit fetch --list'%s%s%s",
                 TR_SHOW(name, 200), what, near ? ": did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
}

static tr_status get_named(fetcher *f, const char *name, char **path) {
  return names_file(f->names, name) ? get(f, name, path) : is_nothing(f, name, "file");
}

tr_status fetch_find(program *p, const char *name, const char *what, char **path) {
  fetcher f;
  *path = NULL;
  tr_status status = fetcher_open(p, NULL, &f);
  if (status == TR_OK) status = get_named(&f, name, path);
  fetcher_close(&f);
  return told(p, what, status);
}

/* "SiT-XL/2-512, SiT-XL/2-256": names that begin so. */
static void begin_with(const fetch_names *names, const char *model, char *text, size_t size) {
  const char *name;
  size_t used = 0;
  *text = 0;
  for (int i = 0; (name = fetch_names_at(names, i)) && used < size; i++)
    if (strncmp(name, model, strlen(model)) == 0)
      used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
}

static tr_status get_model(fetcher *f, const char *model, long image_size, char **path) {
  char name[FETCH_TEXT], all[200];
  snprintf(name, sizeof name, image_size > 0 ? "%.300s-%ld" : "%.300s", model, image_size);
  if (names_file(f->names, name)) return get(f, name, path);
  begin_with(f->names, model, all, sizeof all);
  const char *near = *all ? all : fetch_names_near(f->names, model);
  return TR_FAIL(f->program->ctx, TR_E_ARG, "no weights of '%s' are known%s%s: see 'transit fetch --list'",
                 TR_SHOW(name, 100), near ? ", but of " : "", near ? near : "");
}

tr_status fetch_model(program *p, const char *model, long image_size, char **path) {
  fetcher f;
  *path = NULL;
  tr_status status = fetcher_open(p, NULL, &f);
  if (status == TR_OK) status = get_model(&f, model, image_size, path);
  fetcher_close(&f);
  return told(p, "--model", status);
}

static tr_status folder_of(fetcher *f, const char *given, char **dir) {
  tr_ctx *ctx = f->program->ctx;
  if (!fetch_names_has(f->names, given) && fetch_is_folder(given)) return copy_of(ctx, given, dir);
  if (!names_file(f->names, given) && fetch_is_file(given))
    return TR_FAIL(ctx, TR_E_ARG, "'%s' is a file: a folder is needed, with config.json and the weights",
                   TR_SHOW(given, 300));
  if (!names_file(f->names, given)) return is_nothing(f, given, "folder");
  TR_TRY(get(f, given, dir));
  if (fetch_is_folder(*dir)) return TR_OK;
  tr_status status = TR_FAIL(ctx, TR_E_ARG, "'%s' is one file, '%s': a folder is needed, with config.json",
                             TR_SHOW(given, 100), TR_SHOW(*dir, 300));
  free(*dir);
  *dir = NULL;
  return status;
}

tr_status vae_folder(program *p, const char *given, char **dir) {
  fetcher f;
  *dir = NULL;
  tr_status status = fetcher_open(p, NULL, &f);
  if (status == TR_OK) status = folder_of(&f, given, dir);
  fetcher_close(&f);
  return told(p, "--vae", status);
}
