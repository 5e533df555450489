#include "experiments/fetch/net/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "core/text.h"

enum { REDIRECTS = 10, CONNECT_SECONDS = 10, SLOW_BYTES = 1000 /* a second */ };

struct http {
  program *program;
  long patience;
  CURL *curl;
  char reason[CURL_ERROR_SIZE];
  const http_request *request; /* of now */
  http_answer *answer;
  bool stopped;
};

/* ---- headers ---- */

static void forget(http_answer *a) {
  *a = (http_answer){.length = -1, .first = -1, .total = -1, .linked_size = -1};
}

/* "NAME: value" without blanks around the value, if the line is of this name. */
static bool value_of(const char *line, size_t n, const char *name, char *value, size_t size) {
  const size_t length = strlen(name);
  if (n <= length || strncasecmp(line, name, length) != 0 || line[length] != ':') return false;
  line += length + 1, n -= length + 1;
  while (n > 0 && (*line == ' ' || *line == '\t')) line++, n--;
  while (n > 0 && (unsigned char)line[n - 1] <= ' ') n--;
  if (n >= size) n = 0; /* what is too long is nothing that we know */
  memcpy(value, line, n);
  value[n] = 0;
  return true;
}

/* A whole number >= 0, else -1. */
static int64_t number(const char *text) {
  char *end;
  const long long value = strtoll(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == 0 ? value : -1;
}

/* "bytes 5-9/10", or of no part "bytes *\/10". */
static void take_range(const char *text, http_answer *a) {
  int64_t first, last, total;
  if (sscanf(text, "bytes %" SCNd64 "-%" SCNd64 "/%" SCNd64, &first, &last, &total) == 3)
    a->first = first, a->total = total;
  else if (sscanf(text, "bytes */%" SCNd64, &total) == 1)
    a->total = total;
  else if (sscanf(text, "bytes %" SCNd64 "-%" SCNd64 "/*", &first, &last) == 2)
    a->first = first;
}

/* "W/\"abc\"" is abc. */
static void plain_etag(char *text) {
  char *from = strncmp(text, "W/", 2) == 0 ? text + 2 : text;
  if (*from == '"') from++;
  size_t n = strcspn(from, "\"");
  memmove(text, from, n);
  text[n] = 0;
}

static size_t on_header(char *line, size_t one, size_t n, void *user) {
  http *h = user;
  http_answer *a = h->answer;
  char word[HTTP_WORD];
  n *= one;
  if (n > 5 && strncasecmp(line, "HTTP/", 5) == 0) forget(a);
  if (value_of(line, n, "Content-Length", word, sizeof word)) a->length = number(word);
  if (value_of(line, n, "Content-Range", word, sizeof word)) take_range(word, a);
  if (value_of(line, n, "X-Linked-Size", word, sizeof word)) a->linked_size = number(word);
  if (value_of(line, n, "ETag", a->etag, sizeof a->etag)) plain_etag(a->etag);
  if (value_of(line, n, "X-Linked-Etag", a->linked_etag, sizeof a->linked_etag)) plain_etag(a->linked_etag);
  value_of(line, n, "X-Repo-Commit", a->commit, sizeof a->commit);
  value_of(line, n, "X-Error-Code", a->error_code, sizeof a->error_code);
  value_of(line, n, "X-Error-Message", a->error_text, sizeof a->error_text);
  value_of(line, n, "Location", a->location, sizeof a->location);
  return n;
}

/* ---- one request ---- */

static size_t on_body(char *data, size_t one, size_t n, void *user) {
  http *h = user;
  long status = 0;
  curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
  h->answer->status = status;
  if ((status != 200 && status != 206) || !h->request->body) return one * n;
  if (h->request->body(h->request->user, h->answer, data, one * n)) return one * n;
  h->stopped = true;
  return 0;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)user, (void)a, (void)b, (void)c, (void)d;
  return program_signal() != 0;
}

static bool add_header(struct curl_slist **list, const char *text) {
  struct curl_slist *longer = curl_slist_append(*list, text);
  if (longer) *list = longer;
  return longer != NULL;
}

static bool make_headers(const http_request *r, bool with_token, struct curl_slist **list) {
  char text[1024];
  bool ok = add_header(list, "Accept-Encoding: identity");
  snprintf(text, sizeof text, "Authorization: Bearer %s", with_token ? r->token : "");
  if (with_token) ok = ok && add_header(list, text);
  snprintf(text, sizeof text, "Range: bytes=%" PRId64 "-", r->from);
  return r->from > 0 ? ok && add_header(list, text) : ok;
}

static void set_up(http *h, const char *url, struct curl_slist *headers) {
  CURL *c = h->curl;
  const char *roots = getenv("SSL_CERT_FILE");
  curl_easy_reset(c);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->reason);
  curl_easy_setopt(c, CURLOPT_URL, url);
  curl_easy_setopt(c, CURLOPT_NOBODY, h->request->head ? 1L : 0L);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(c, CURLOPT_USERAGENT, TR_PROGRAM);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, h->patience);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  if (roots && *roots) curl_easy_setopt(c, CURLOPT_CAINFO, roots);
}

static http_fate fate_of(const http *h, CURLcode code) {
  if (code == CURLE_OK) return HTTP_ANSWERED;
  if (h->stopped) return HTTP_STOPPED;
  const bool connecting = code != CURLE_GOT_NOTHING && code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR;
  return h->answer->status == 0 && connecting ? HTTP_UNREACHABLE : HTTP_CUT;
}

static tr_status perform(http *h, const char *url, bool with_token) {
  tr_ctx *ctx = h->program->ctx;
  struct curl_slist *headers = NULL;
  forget(h->answer);
  h->stopped = false;
  *h->reason = 0;
  if (!make_headers(h->request, with_token, &headers)) {
    curl_slist_free_all(headers);
    return TR_FAIL(ctx, TR_E_MEM, "out of memory for a request");
  }
  set_up(h, url, headers);
  const CURLcode code = curl_easy_perform(h->curl);
  curl_off_t later = 0;
  curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &h->answer->status);
  curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &later);
  curl_slist_free_all(headers);
  curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
  h->answer->retry_after = (double)later;
  h->answer->fate = fate_of(h, code);
  h->answer->slow = h->answer->fate == HTTP_CUT && code == CURLE_OPERATION_TIMEDOUT;
  const char *reason = *h->reason ? h->reason : curl_easy_strerror(code);
  if (code != CURLE_OK) tr_text_show(reason, strlen(reason), h->answer->why, sizeof h->answer->why);
  if (code == CURLE_OUT_OF_MEMORY) return TR_FAIL(ctx, TR_E_MEM, "out of memory for a request");
  return program_check_interrupt(h->program);
}

/* ---- redirects ---- */

static bool is_redirect(const http_answer *a) {
  const long s = a->status;
  return a->fate == HTTP_ANSWERED && *a->location &&
         (s == 301 || s == 302 || s == 303 || s == 307 || s == 308);
}

/* Scheme, host and port of a URL, written into text; false: it has none. */
static bool origin_of(const char *url, char text[HTTP_WORD]) {
  CURLU *u = curl_url();
  char *scheme = NULL, *host = NULL, *port = NULL;
  const bool ok = u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
                  !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
                  !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
                  !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
  if (ok) snprintf(text, HTTP_WORD, "%.8s://%.120s:%.8s", scheme, host, port);
  curl_free(scheme), curl_free(host), curl_free(port);
  curl_url_cleanup(u);
  return ok;
}

/* Where a Location leads from `url`, which it replaces. */
static bool follow(char url[HTTP_URL], const char *location) {
  CURLU *u = curl_url();
  char *to = NULL;
  bool ok = u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
            !curl_url_set(u, CURLUPART_URL, location, CURLU_URLENCODE) &&
            !curl_url_get(u, CURLUPART_URL, &to, 0);
  ok = ok && strlen(to) < HTTP_URL;
  if (ok) strcpy(url, to);
  curl_free(to);
  curl_url_cleanup(u);
  return ok && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
}

static tr_status redirect(http *h, char url[HTTP_URL]) {
  const bool secure = strncmp(url, "https://", 8) == 0;
  const char *location = h->answer->location;
  tr_ctx *ctx = h->program->ctx;
  if (!follow(url, location))
    return TR_FAIL(ctx, TR_E_IO, "'%s' redirects to '%s', which is no URL to follow",
                   TR_SHOW(h->request->url, 160), TR_SHOW(location, 160));
  if (secure && strncmp(url, "https://", 8) != 0)
    return TR_FAIL(ctx, TR_E_IO, "'%s' redirects from https to '%s', which is not followed",
                   TR_SHOW(h->request->url, 160), TR_SHOW(url, 160));
  return TR_OK;
}

static bool is_of(const char *url, const char *origin) {
  char here[HTTP_WORD];
  return origin_of(url, here) && strcmp(here, origin) == 0;
}

tr_status http_send(http *h, const http_request *request, http_answer *out) {
  char url[HTTP_URL], home[HTTP_WORD];
  h->request = request;
  h->answer = out;
  snprintf(url, sizeof url, "%s", request->url);
  if (!origin_of(url, home))
    return TR_FAIL(h->program->ctx, TR_E_ARG, "'%s' is no URL", TR_SHOW(request->url, 300));
  for (int i = 0; i <= REDIRECTS; i++) {
    TR_TRY(perform(h, url, request->token && *request->token && is_of(url, home)));
    if (!is_redirect(out)) return TR_OK;
    TR_TRY(redirect(h, url));
    if (request->head && !is_of(url, home)) return TR_OK;
  }
  return TR_FAIL(h->program->ctx, TR_E_IO, "'%s' redirects more than %d times", TR_SHOW(request->url, 300),
                 REDIRECTS);
}

/* ---- the connection ---- */

tr_status http_open(program *p, long patience, http **out) {
  http *h = *out = calloc(1, sizeof *h);
  if (!h) return TR_FAIL(p->ctx, TR_E_MEM, "out of memory for a connection");
  h->program = p;
  h->patience = patience;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0) h->curl = curl_easy_init();
  return h->curl ? TR_OK : TR_FAIL(p->ctx, TR_E_UNSUPPORTED, "libcurl cannot be used on this machine");
}

void http_close(http **h) {
  if (!*h) return;
  if ((*h)->curl) {
    curl_easy_cleanup((*h)->curl);
    curl_global_cleanup();
  }
  free(*h);
  *h = NULL;
}

/* ---- trying again ---- */

bool http_may_pass(const http_answer *a) {
  const long s = a->status;
  if (a->fate == HTTP_CUT) return true;
  if (a->fate != HTTP_ANSWERED || a->retry_after > HTTP_PATIENCE) return false;
  return s == 408 || s == 429 || s == 500 || s == 502 || s == 503 || s == 504;
}

double http_pause(const http_answer *a, int tries) {
  return a->retry_after > 0 ? a->retry_after : 0.25 * (double)(1 << (tries < 5 ? tries : 5));
}

const char *http_words(const http_answer *a, char *text, size_t size) {
  if (a->fate == HTTP_UNREACHABLE)
    snprintf(text, size, "no connection: %s", a->why);
  else if (a->fate != HTTP_ANSWERED)
    snprintf(text, size, "the connection was cut: %s", a->why);
  else if (a->status == 429 && a->retry_after > 0)
    snprintf(text, size, "too many requests (429), it says to wait %.0f s", a->retry_after);
  else if (a->status == 429)
    snprintf(text, size, "too many requests (429)");
  else
    snprintf(text, size, "the answer is %ld%s%s", a->status, *a->error_text ? ", " : "",
             TR_SHOW(a->error_text, 120));
  return text;
}

program *http_program(const http *h) {
  return h->program;
}
