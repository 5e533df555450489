#include "experiments/fetch/places.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "experiments/fetch/spelling.h"
#include "experiments/files/paths.h"

/* ---- paths ---- */

tr_status fetch_path(tr_ctx *ctx, char path[FETCH_PATH], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(path, FETCH_PATH, format, arguments);
  va_end(arguments);
  if (length >= 0 && length < FETCH_PATH) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "'%s...' is longer than the %d characters of a path", TR_SHOW(path, 100),
                 FETCH_PATH - 1);
}

static tr_status make_folder(tr_ctx *ctx, const char *path) {
  const tr_status status = path_make_folder(ctx, path);
  if (status == TR_OK) return TR_OK;
  const tr_error error = *tr_ctx_error(ctx);
  tr_ctx_clear(ctx);
  return TR_FAIL(ctx, status, "%s (HF_HOME says where the cache is)", error.message);
}

tr_status fetch_make_parents(tr_ctx *ctx, const char *path) {
  char folder[FETCH_PATH];
  TR_TRY(fetch_path(ctx, folder, "%s", path));
  for (char *c = folder + 1; *c; c++) {
    if (*c != '/') continue;
    *c = 0;
    TR_TRY(make_folder(ctx, folder));
    *c = '/';
  }
  return TR_OK;
}

/* ---- the environment ---- */

static const char *variable(const char *name) {
  const char *text = getenv(name);
  return text && *text ? text : NULL;
}

static bool is_true(const char *name) {
  static const char *const words[] = {"1", "on", "yes", "true"};
  const char *text = variable(name);
  for (size_t i = 0; text && i < sizeof words / sizeof *words; i++)
    if (strcasecmp(text, words[i]) == 0) return true;
  return false;
}

static tr_status home(tr_ctx *ctx, const char **out) {
  *out = variable("HOME");
  return *out ? TR_OK : TR_FAIL(ctx, TR_E_ARG, "HOME is not set: set HF_HOME, TORCH_HOME and XDG_CACHE_HOME");
}

/* A folder that a variable names, "~/..." being one of the user's; "": it names none. */
static tr_status named(tr_ctx *ctx, const char *name, char path[FETCH_PATH]) {
  const char *text = variable(name), *at;
  if (!text) return *path = 0, TR_OK;
  if (text[0] != '~' || (text[1] && text[1] != '/')) return fetch_path(ctx, path, "%s", text);
  TR_TRY(home(ctx, &at));
  return fetch_path(ctx, path, "%s%s", at, text + 1);
}

/* XDG_CACHE_HOME/PART, else ~/.cache/PART. */
static tr_status cached(tr_ctx *ctx, const char *part, char path[FETCH_PATH]) {
  const char *at = variable("XDG_CACHE_HOME");
  if (at) return fetch_path(ctx, path, "%s/%s", at, part);
  TR_TRY(home(ctx, &at));
  return fetch_path(ctx, path, "%s/.cache/%s", at, part);
}

static tr_status hub_home(tr_ctx *ctx, char path[FETCH_PATH]) {
  TR_TRY(named(ctx, "HF_HOME", path));
  return *path ? TR_OK : cached(ctx, "huggingface", path);
}

static tr_status find_hub(tr_ctx *ctx, char path[FETCH_PATH]) {
  char at[FETCH_PATH];
  TR_TRY(named(ctx, "HF_HUB_CACHE", path));
  if (!*path) TR_TRY(named(ctx, "HUGGINGFACE_HUB_CACHE", path));
  if (*path) return TR_OK;
  TR_TRY(hub_home(ctx, at));
  return fetch_path(ctx, path, "%s/hub", at);
}

static tr_status find_torch(tr_ctx *ctx, char path[FETCH_PATH]) {
  char at[FETCH_PATH];
  TR_TRY(named(ctx, "TORCH_HOME", at));
  if (!*at) TR_TRY(cached(ctx, "torch", at));
  return fetch_path(ctx, path, "%s/hub/checkpoints", at);
}

static tr_status find_endpoint(tr_ctx *ctx, const fetch_names *names, char *text, size_t size) {
  const char *given = variable("HF_ENDPOINT");
  if (given && !spelled_url(given))
    return TR_FAIL(ctx, TR_E_ARG, "HF_ENDPOINT is '%s': https://HOST or http://HOST is needed",
                   TR_SHOW(given, 100));
  snprintf(text, size, "%s", given ? given : fetch_names_endpoint(names));
  size_t n = strlen(text);
  while (n > 0 && text[n - 1] == '/') text[--n] = 0;
  return TR_OK;
}

static tr_status find_patience(tr_ctx *ctx, long *out) {
  const char *name = "HF_HUB_DOWNLOAD_TIMEOUT", *given = variable(name);
  char *end;
  *out = 60;
  if (!given) return TR_OK;
  *out = strtol(given, &end, 10);
  if (isdigit((unsigned char)*given) && *end == 0 && *out >= 1 && *out <= 3600) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "%s is '%s': a whole number of seconds from 1 to 3600 is needed", name,
                 TR_SHOW(given, 40));
}

/* ---- the token ---- */

/* It becomes part of a header: visible characters only. Blanks and ends of lines around it go. */
static tr_status take_token(tr_ctx *ctx, const char *text, fetch_places *out) {
  while (isspace((unsigned char)*text)) text++;
  size_t n = strlen(text);
  while (n > 0 && isspace((unsigned char)text[n - 1])) n--;
  bool good = n < sizeof out->token;
  for (size_t i = 0; i < n; i++) good = good && text[i] > ' ' && text[i] < 127;
  if (!good) return TR_FAIL(ctx, TR_E_ARG, "%s holds no token", TR_SHOW(out->token_from, 300));
  memcpy(out->token, text, n);
  out->token[n] = 0;
  return TR_OK;
}

static tr_status read_token(tr_ctx *ctx, const char *path, fetch_places *out) {
  char text[FETCH_TEXT] = "";
  FILE *in = fopen(path, "r");
  if (!in) return TR_OK;
  const size_t n = fread(text, 1, sizeof text - 1, in);
  text[n] = 0;
  fclose(in);
  return take_token(ctx, text, out);
}

static tr_status find_token(tr_ctx *ctx, fetch_places *out) {
  static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
  if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return TR_OK;
  for (int i = 0; i < 2; i++)
    if (variable(names[i])) {
      TR_TRY(fetch_path(ctx, out->token_from, "%s", names[i]));
      return take_token(ctx, variable(names[i]), out);
    }
  TR_TRY(named(ctx, "HF_TOKEN_PATH", out->token_from));
  if (!*out->token_from) {
    char at[FETCH_PATH];
    TR_TRY(hub_home(ctx, at));
    TR_TRY(fetch_path(ctx, out->token_from, "%s/token", at));
  }
  return read_token(ctx, out->token_from, out);
}

tr_status fetch_places_find(tr_ctx *ctx, const fetch_names *names, fetch_places *out) {
  memset(out, 0, sizeof *out);
  out->offline =
      is_true("HF_HUB_OFFLINE") || (!variable("HF_HUB_OFFLINE") && is_true("TRANSFORMERS_OFFLINE"));
  TR_TRY(find_hub(ctx, out->hub));
  TR_TRY(find_torch(ctx, out->torch));
  TR_TRY(cached(ctx, "transit", out->own));
  TR_TRY(find_endpoint(ctx, names, out->endpoint, sizeof out->endpoint));
  TR_TRY(find_patience(ctx, &out->patience));
  return out->offline ? TR_OK : find_token(ctx, out);
}
