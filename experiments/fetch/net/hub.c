#include "experiments/fetch/net/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "experiments/fetch/spelling.h"

enum { TRIES = 4, LIST_BYTES = 8 << 20 };

/* ---- URLs ---- */

/* Percent signs for all but letters, digits, "-_.~" and what `keep` has. */
static const char *escape(const char *text, const char *keep, char *out, size_t size) {
  size_t used = 0;
  for (; *text && used + 4 < size; text++) {
    const unsigned char c = (unsigned char)*text;
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       strchr("-_.~", c) || strchr(keep, c);
    used += (size_t)snprintf(out + used, size - used, plain ? "%c" : "%%%02X", c);
  }
  out[used] = 0;
  return out;
}

static tr_status join(tr_ctx *ctx, char url[HTTP_URL], const char *a, const char *b, const char *c,
                      const char *d, const char *e) {
  const int length = snprintf(url, HTTP_URL, "%s%s%s%s%s", a, b, c, d, e);
  if (length > 0 && length < HTTP_URL) return TR_OK;
  return TR_FAIL(ctx, TR_E_ARG, "the URL '%s...' is too long", TR_SHOW(url, 100));
}

tr_status hub_url(tr_ctx *ctx, const fetch_places *places, const char *repo, const char *revision,
                  const char *file, char url[HTTP_URL]) {
  char at[700], path[1400], tail[2200];
  snprintf(tail, sizeof tail, "%s/%s", escape(revision, "", at, sizeof at),
           escape(file, "/", path, sizeof path));
  return join(ctx, url, places->endpoint, "/", repo, "/resolve/", tail);
}

/* ---- answers ---- */

#define SAY(out, which, ...) ((out)->kind = (which), snprintf((out)->why, sizeof(out)->why, __VA_ARGS__))

static void say_unwelcome(const fetch_places *places, const char *repo, const http_answer *a,
                          hub_answer *out) {
  if (strcmp(a->error_code, "GatedRepo") == 0)
    SAY(out, HUB_REFUSED, "%s is gated (%ld): ask for access at %s/%s and set HF_TOKEN", repo, a->status,
        TR_SHOW(places->endpoint, 150), repo);
  else if (a->status == 401 && *places->token)
    SAY(out, HUB_REFUSED, "the hub does not take the token of %s for %s (401)",
        TR_SHOW(places->token_from, 150), repo);
  else if (a->status == 401)
    SAY(out, HUB_REFUSED,
        "the hub wants a token for %s (401): it is private, or there is none of this name: check "
        "the name, or set HF_TOKEN",
        repo);
  else
    SAY(out, HUB_REFUSED, "the hub refuses %s (%ld)%s%s", repo, a->status, *a->error_text ? ": " : "",
        TR_SHOW(a->error_text, 120));
}

static void say_missing(const char *repo, const char *revision, const char *file, const http_answer *a,
                        hub_answer *out) {
  if (strcmp(a->error_code, "RepoNotFound") == 0 || !*file)
    SAY(out, HUB_REFUSED, "the hub has no repository %s (%ld): check the name", repo, a->status);
  else if (strcmp(a->error_code, "RevisionNotFound") == 0)
    SAY(out, HUB_REFUSED, "%s has no revision %s (%ld)", repo, TR_SHOW(revision, 80), a->status);
  else
    SAY(out, HUB_ABSENT, "%s has no file %s at %s (%ld)", repo, TR_SHOW(file, 120), TR_SHOW(revision, 60),
        a->status);
}

/* Whether it is an answer about the file; else *out says what it is. */
static bool is_good(const fetch_places *places, const char *repo, const char *revision, const char *file,
                    const http_answer *a, hub_answer *out) {
  char words[320];
  const long s = a->status;
  if (a->fate == HTTP_ANSWERED && s >= 200 && s < 400) return true;
  if (a->fate == HTTP_ANSWERED && (s == 401 || s == 403 || s == 451))
    say_unwelcome(places, repo, a, out);
  else if (a->fate == HTTP_ANSWERED && (s == 404 || s == 410))
    say_missing(repo, revision, file, a, out);
  else
    SAY(out, a->fate == HTTP_ANSWERED && s < 429 ? HUB_REFUSED : HUB_UNREACHABLE, "%s: %.280s",
        TR_SHOW(places->endpoint, 100), http_words(a, words, sizeof words));
  return false;
}

/* Again and again as long as it may help. *received, the bytes of a body that the request keeps, begins at 0
 * each time; NULL: it keeps none. */
static tr_status send_patiently(http *h, const http_request *r, size_t *received, http_answer *a) {
  for (int tries = 0;; tries++) {
    if (received) *received = 0;
    TR_TRY(http_send(h, r, a));
    if (!http_may_pass(a) || tries + 1 >= TRIES) return TR_OK;
    TR_TRY(program_wait(http_program(h), http_pause(a, tries)));
  }
}

/* What the headers tell. */
static tr_status take(tr_ctx *ctx, const char *url, const http_answer *a, hub_answer *out) {
  const bool redirected = a->status >= 300;
  const char *etag = *a->linked_etag ? a->linked_etag : a->etag;
  out->kind = HUB_FOUND;
  out->size = a->linked_size >= 0 ? a->linked_size : redirected ? -1 : a->length;
  if (redirected && !*a->linked_etag)
    return TR_FAIL(ctx, TR_E_IO,
                   "'%s' redirects to '%s', another place: set HF_ENDPOINT to it if that is the hub",
                   TR_SHOW(url, 160), TR_SHOW(a->location, 160));
  if (!spelled_commit(a->commit))
    return TR_FAIL(ctx, TR_E_IO, "'%s' answers without a commit (X-Repo-Commit): this is no hub",
                   TR_SHOW(url, 300));
  if (!spelled_etag(etag) || out->size < 0)
    return TR_FAIL(ctx, TR_E_IO, "'%s' does not tell the file's %s", TR_SHOW(url, 300),
                   out->size < 0 ? "size" : "ETag");
  snprintf(out->commit, sizeof out->commit, "%.64s", a->commit);
  snprintf(out->etag, sizeof out->etag, "%s", etag);
  return TR_OK;
}

tr_status hub_ask(http *h, const fetch_places *places, const char *repo, const char *revision,
                  const char *file, hub_answer *out) {
  char url[HTTP_URL];
  http_answer a;
  program *p = http_program(h);
  memset(out, 0, sizeof *out);
  TR_TRY(hub_url(p->ctx, places, repo, revision, file, url));
  TR_TRY(send_patiently(h, &(http_request){.url = url, .head = true, .token = places->token}, NULL, &a));
  return is_good(places, repo, revision, file, &a, out) ? take(p->ctx, url, &a, out) : TR_OK;
}

/* ---- lists of files ---- */

typedef struct {
  char *text;
  size_t n;
} memory;

static bool keep(void *user, const http_answer *a, const char *data, size_t n) {
  memory *m = user;
  (void)a;
  if (m->n + n > LIST_BYTES) return false;
  char *longer = realloc(m->text, m->n + n);
  if (!longer) return false;
  memcpy(longer + m->n, data, n);
  m->text = longer, m->n += n;
  return true;
}

/* {"sha": COMMIT, "siblings": [{"rfilename": NAME}, ...]} */
static tr_status read_list(tr_ctx *ctx, const char *url, const json_t *root, hub_answer *out, json_t *files) {
  const char *commit = json_string_value(json_object_get(root, "sha"));
  const json_t *all = json_object_get(root, "siblings"), *one;
  size_t i;
  out->kind = HUB_FOUND;
  if (!commit || !spelled_commit(commit) || !json_is_array(all))
    return TR_FAIL(ctx, TR_E_IO, "'%s' is no list of files", TR_SHOW(url, 300));
  snprintf(out->commit, sizeof out->commit, "%s", commit);
  json_array_foreach(all, i, one) {
    const char *name = json_string_value(json_object_get(one, "rfilename"));
    if (!name || !spelled_path(name))
      return TR_FAIL(ctx, TR_E_IO, "'%s' lists a file without a name that would do", TR_SHOW(url, 300));
    json_array_append_new(files, json_string(name));
  }
  return TR_OK;
}

static tr_status parse_list(tr_ctx *ctx, const char *url, const memory *m, hub_answer *out, json_t **files) {
  json_t *root = json_loadb(m->text ? m->text : "", m->n, 0, NULL);
  *files = json_array();
  tr_status status = read_list(ctx, url, root, out, *files);
  json_decref(root);
  if (status == TR_OK) return TR_OK;
  json_decref(*files);
  *files = NULL;
  return status;
}

tr_status hub_list(http *h, const fetch_places *places, const char *repo, const char *revision,
                   hub_answer *out, json_t **files) {
  char url[HTTP_URL], at[700];
  http_answer a;
  memory m = {0};
  program *p = http_program(h);
  memset(out, 0, sizeof *out);
  *files = NULL;
  TR_TRY(join(p->ctx, url, places->endpoint, "/api/models/", repo, "/revision/",
              escape(revision, "", at, sizeof at)));
  const http_request r = {.url = url, .token = places->token, .body = keep, .user = &m};
  tr_status status = send_patiently(h, &r, &m.n, &a);
  if (status == TR_OK && is_good(places, repo, revision, "", &a, out))
    status = parse_list(p->ctx, url, &m, out, files);
  free(m.text);
  return status;
}
