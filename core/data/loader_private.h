/* A loader, as its two halves see it: loader.c plans steps and hands them out on the caller's thread,
 * workers.c makes their rows. Not for users of the library.
 *
 * Steps from `next` on to before `planned` have a slot each, step s the one of number s mod n_slots; the step
 * handed out last keeps its own. Rows are given to workers in the order of steps. */
#ifndef TR_CORE_DATA_LOADER_PRIVATE_H
#define TR_CORE_DATA_LOADER_PRIVATE_H

#include <pthread.h>

#include "core/data/source_private.h"

typedef struct {
  int64_t step;
  int64_t begun, done; /* rows that somebody makes or made; that are made */
  int64_t *wanted;     /* (rows): inputs of the order */
  int64_t *taken;      /* (rows): inputs that could be used */
  void *x;
  int32_t *labels;
  int64_t failed_row; /* the first row that could not be made, and why; rows: none */
  tr_error error;
} tr_loader_slot;

/* A picture that cannot be used. */
typedef struct {
  int64_t input;
  char *why;
  bool told;
} tr_loader_bad;

typedef enum { TR_PICTURE_UNREAD, TR_PICTURE_KEPT, TR_PICTURE_BAD } tr_picture_state;

struct tr_loader {
  tr_ctx *ctx;
  tr_loader_options options;
  tr_source source;
  size_t row_bytes;
  /* of the caller's thread */
  int64_t *order, epoch; /* (n): of that epoch, -1: none yet */
  double waited;
  int64_t n_told, told_room;
  char **told; /* borrowed from `bad` */
  /* the workers' as well, under the lock */
  pthread_mutex_t lock;
  pthread_cond_t work, ready; /* there are rows to be made; one is made */
  int n_slots;
  tr_loader_slot *slots;
  int64_t next, begun, planned; /* steps: to be handed out; the first with rows that nobody makes; the end */
  int busy;                     /* rows that are being made */
  bool stop;
  uint8_t *state; /* (n) of tr_picture_state, of a folder */
  uint8_t *kept;  /* (n, H, W, 3), or NULL */
  tr_loader_bad *bad;
  int64_t n_bad, bad_room;
  /* threads */
  tr_ctx *
      reader; /* of the caller's thread, where that makes the rows: errors of pictures are not the caller's */
  int n_workers;
  struct tr_loader_worker *workers;
};

typedef struct tr_loader_worker {
  tr_loader *loader;
  tr_ctx *ctx; /* its own: a context belongs to one thread */
  pthread_t thread;
} tr_loader_worker;

tr_loader_slot *tr_loader_slot_of(const tr_loader *l, int64_t step);

/* The input that is tried when `input` cannot be used, as the k-th substitute of the row's. */
int64_t tr_loader_substitute(const tr_loader *l, const tr_loader_slot *s, int64_t row, int64_t input,
                             int64_t k);

/* Starts the threads, or opens the reader, once. */
tr_status tr_loader_start(tr_loader *l);
/* Ends them, and frees what is theirs. */
void tr_loader_stop(tr_loader *l);

/* Under the lock, which it gives away meanwhile: makes one row that nobody makes; false: there is none. */
bool tr_loader_make_one(tr_loader *l, tr_ctx *ctx);

#endif
