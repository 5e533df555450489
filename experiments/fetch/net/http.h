/* Requests over HTTP, by libcurl: one at a time over one connection that is kept, with redirects followed
 * here and not by the library, so that a token goes to nobody but the host it is for. */
#ifndef TR_EXPERIMENTS_FETCH_NET_HTTP_H
#define TR_EXPERIMENTS_FETCH_NET_HTTP_H

#include "experiments/common/program.h"

typedef struct http http;

enum { HTTP_URL = 4096, HTTP_WORD = 192 };

typedef enum {
  HTTP_ANSWERED,    /* whole, with a status */
  HTTP_UNREACHABLE, /* no connection */
  HTTP_CUT,         /* a connection that ended too early */
  HTTP_STOPPED      /* by the one who takes the body */
} http_fate;

typedef struct {
  http_fate fate;
  char why[HTTP_WORD];  /* unreachable or cut: in words */
  bool slow;            /* cut by us, for less than 1000 bytes a second */
  long status;          /* 0: none came */
  int64_t length;       /* of the body; this and what follows: -1 or "" where the server does not tell */
  int64_t first, total; /* of a part: its first byte, and the bytes of the whole */
  double retry_after;   /* seconds */
  char etag[HTTP_WORD];
  char location[HTTP_URL];
  char linked_etag[HTTP_WORD], commit[HTTP_WORD], error_code[HTTP_WORD], error_text[HTTP_WORD]; /* of a hub */
  int64_t linked_size;
} http_answer;

typedef struct {
  const char *url;
  bool head;         /* the headers alone; redirects to another host are then not followed, but the answer */
  const char *token; /* for the host of `url`; NULL or "": none */
  int64_t from;      /* the first byte that is wanted; 0: all are */
  /* Takes the body of an answer of status 200 or 206, whose headers are known by then; false stops. */
  bool (*body)(void *user, const http_answer *answer, const char *data, size_t n);
  void *user;
} http_request;

/* patience: seconds of less than 1000 bytes each, in the mean, after which a connection is cut. */
tr_status http_open(program *p, long patience, http **out);
void http_close(http **h); /* NULL is fine */
program *http_program(const http *h);

/* TR_OK with an answer, whatever it says; TR_E_INTERRUPTED, TR_E_MEM; TR_E_IO for redirects that lead in a
 * circle, from https to http or to something else than these. */
tr_status http_send(http *h, const http_request *request, http_answer *out);

/* Whether it may work a little later, and how long to wait after so many tries, in seconds. */
bool http_may_pass(const http_answer *answer);
double http_pause(const http_answer *answer, int tries);
/* The longest that is waited for. */
#define HTTP_PATIENCE 120.0
/* "no connection to HOST: ...", "it answered with 503": in words, written into text; returns text. */
const char *http_words(const http_answer *answer, char *text, size_t size);

#endif
