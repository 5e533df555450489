/* Sums and broadcasts of arrays from device to device, where the backend has them and every rank a device of
 * its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/comm/comm_private.h"

#define LONGEST_NAP 1e6   /* nanoseconds */
#define NAP         20000 /* between two looks at the devices */
#define EAGER_LOOKS 100   /* before the first */

/* ---- waiting ---- */

double tr_comm_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void tr_comm_nap(long least, double waited) {
  const double sixteenth = fmin(waited / 16 * 1e9, LONGEST_NAP);
  nanosleep(&(struct timespec){.tv_nsec = sixteenth > (double)least ? (long)sixteenth : least}, NULL);
}

/* What the devices say of a rank that has died is not who it is. */
static tr_status torn(tr_comm *comm, tr_status status) {
  const tr_error error = *tr_ctx_error(comm->ctx);
  tr_ctx_clear(comm->ctx);
  TR_TRY(comm->type->look(comm));
  return TR_FAIL(comm->ctx, status, "%s", error.message);
}

tr_status tr_comm_await(tr_comm *comm) {
  bool done = false;
  double began = 0, looked = 0;
  for (long looks = 0;; looks++) {
    const tr_status status = comm->devices->look(comm->ctx, comm->own, &done);
    if (status != TR_OK) return torn(comm, status);
    if (done) return TR_OK;
    if (looks < EAGER_LOOKS) continue;
    const double now = tr_comm_seconds();
    if (began == 0) began = looked = now;
    tr_comm_nap(NAP, now - began);
    if (now - looked < TR_COMM_LOOK) continue;
    TR_TRY(comm->type->look(comm));
    looked = now;
  }
}

/* ---- whether ---- */

/* What a rank tells the others: whether its device can, which it is, and of which machine. */
typedef struct {
  double can, device, machine;
} card;

static card own_card(tr_comm *comm, const tr_collective_ops *ops) {
  char place[TR_COLLECTIVE_PLACE] = "";
  card own = {.can = ops->place(comm->ctx, place) == TR_OK, .machine = comm->machine};
  own.device = tr_comm_number(place);
  if (own.can != 0) return own;
  /* No error: there is another way. */
  const tr_error error = *tr_ctx_error(comm->ctx);
  tr_ctx_clear(comm->ctx);
  tr_ctx_warn(comm->ctx, "sums over the ranks go by way of the host: %s", error.message);
  return own;
}

static bool all_can(int n, const card *cards) {
  bool can = true;
  for (int i = 0; i < n; i++) can = can && cards[i].can != 0;
  return can;
}

static bool all_differ(int n, const card *cards) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++)
      if (cards[i].device == cards[j].device && cards[i].machine == cards[j].machine) return false;
  return true;
}

static bool suit(const tr_comm *comm, const card *cards) {
  if (!all_can(comm->size, cards)) return false;
  const bool differ = all_differ(comm->size, cards);
  if (!differ) tr_ctx_warn(comm->ctx, "sums over the ranks go by way of the host: some ranks share a device");
  return differ;
}

static tr_status ask_all(tr_comm *comm, const tr_collective_ops *ops, bool *suits) {
  const card own = ops && !tr_ctx_failed(comm->ctx) ? own_card(comm, ops) : (card){0};
  card *all = malloc((size_t)comm->size * sizeof *all);
  const tr_status status =
      all ? comm->type->gather(comm, sizeof own / sizeof(double), (const double *)&own, (double *)all)
          : TR_FAIL(comm->ctx, TR_E_MEM, "out of memory for %d ranks", comm->size);
  *suits = status == TR_OK && suit(comm, all);
  free(all);
  comm->lost |= status != TR_OK; /* the others have heard nothing of this rank */
  return status;
}

/* ---- opening ---- */

static tr_status join(tr_comm *comm, const tr_collective_ops *ops) {
  char id[TR_COLLECTIVE_ID] = {0};
  TR_TRY(tr_comm_agree(comm, comm->rank ? TR_OK : ops->make_id(comm->ctx, id)));
  TR_TRY(comm->type->broadcast(comm, 0, id, sizeof id));
  TR_TRY(tr_comm_agree(comm, ops->prepare(comm->ctx, &comm->own)));
  TR_TRY(tr_comm_agree(comm, ops->join(comm->ctx, comm->own, id, comm->rank, comm->size)));
  comm->devices = ops;
  snprintf(comm->name, sizeof comm->name, "%.15s+%.15s", comm->type->name, ops->name);
  return TR_OK;
}

tr_status tr_comm_settle(tr_comm *comm) {
  const tr_collective_ops *ops = tr_ctx_backend(comm->ctx)->collective;
  bool suits = false;
  if (comm->settled || comm->size == 1) return TR_OK;
  comm->settled = true;
  TR_TRY(ask_all(comm, ops, &suits));
  return suits ? join(comm, ops) : TR_OK;
}

void tr_comm_unsettle(tr_comm *comm) {
  /* Where another rank could not join, nobody waits. */
  const bool alone = comm->lost || !comm->devices;
  if (comm->own) tr_ctx_backend(comm->ctx)->collective->close(comm->ctx, comm->own, alone);
  comm->own = NULL;
  comm->devices = NULL;
  comm->settled = false;
}
