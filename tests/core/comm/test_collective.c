/* Whether the devices of the ranks add up is settled by all of them: where one cannot, or two are the same,
 * the host does it, which is said; where one cannot prepare or join, that is an error of all. The devices are
 * pretended.
 */
#include "core/backend.h"
#include "core/comm/comm.h"
#include "core/context_private.h"
#include "tests/support/check.h"

/* TR_TEST_RANKS */

/* What the device of this rank does, and what it was asked for. */
static struct {
  bool can, prepares, joins;
  int place;
  int opened, closed, ended;
  char warning[200];
} device;

static tr_status place_of(tr_ctx *ctx, char *text) {
  snprintf(text, TR_COLLECTIVE_PLACE, "0000:%02x:00.0", (unsigned)device.place);
  return device.can ? TR_OK : TR_FAIL(ctx, TR_E_UNSUPPORTED, "there is no such library");
}

static tr_status make_id(tr_ctx *ctx, void *id) {
  (void)ctx;
  memset(id, 7, 8);
  return TR_OK;
}

static tr_status prepare(tr_ctx *ctx, void **own) {
  *own = NULL;
  if (!device.prepares) return TR_FAIL(ctx, TR_E_MEM, "it does not prepare");
  *own = &device;
  return TR_OK;
}

static tr_status join(tr_ctx *ctx, void *own, const void *id, int rank, int size) {
  (void)rank, (void)size;
  CHECK(own == &device && ((const char *)id)[7] == 7); /* that of rank 0 */
  device.opened++;
  return device.joins ? TR_OK : TR_FAIL(ctx, TR_E_DEVICE, "it does not join");
}

static tr_status never(tr_ctx *ctx, void *own, tr_array *x) {
  (void)own, (void)x;
  return TR_FAIL(ctx, TR_E_DEVICE, "a sum that nobody should ask for");
}

static tr_status never_sent(tr_ctx *ctx, void *own, int root, tr_array *x) {
  (void)root;
  return never(ctx, own, x);
}

static tr_status looked_at(tr_ctx *ctx, void *own, bool *done) {
  (void)ctx, (void)own;
  *done = true;
  return TR_OK;
}

static void leave(tr_ctx *ctx, void *own, bool lost) {
  (void)ctx, (void)own;
  device.closed++;
  device.ended += lost;
}

static const tr_collective_ops pretended = {"pretended", 8,     place_of,   make_id,   prepare,
                                            join,        never, never_sent, looked_at, leave};

static void on_warning(const char *message, void *user) {
  (void)user;
  snprintf(device.warning, sizeof device.warning, "%s", message);
}

/* A context whose backend has such devices. */
static tr_ctx *with_devices(tr_comm *comm, tr_backend *backend) {
  tr_ctx *ctx;
  CHECK_OK(NULL, tr_ctx_open("cpu", 1, &ctx, NULL));
  *backend = *tr_ctx_backend(ctx);
  backend->collective = &pretended;
  tr_ctx_set_backend(ctx, backend);
  tr_ctx_on_warning(ctx, on_warning, NULL);
  tr_comm_set_ctx(comm, ctx);
  device.warning[0] = 0;
  return ctx;
}

static tr_array *ranks_of(tr_ctx *ctx, const tr_comm *comm) {
  const double rank = tr_comm_rank(comm);
  const int64_t n = 1;
  tr_array *x;
  CHECK_OK(ctx, tr_array_create(ctx, TR_F64, 1, &n, &x));
  CHECK_OK(ctx, tr_array_set_f64(x, &rank));
  return x;
}

/* The sum of the numbers of the ranks, by the host. */
static void summed(tr_ctx *ctx, tr_comm *comm) {
  const int size = tr_comm_size(comm);
  double sum;
  tr_array *x = ranks_of(ctx, comm);
  CHECK_OK(ctx, tr_comm_sum_start(comm, x));
  CHECK_OK(ctx, tr_comm_sum_wait(comm));
  CHECK_OK(ctx, tr_array_get_f64(x, &sum));
  CHECK(sum == size * (size - 1) / 2);
  CHECK(!strchr(tr_comm_name(comm), '+'));
  tr_array_destroy(&x);
}

static void by_the_host(tr_comm *comm, const char *warning) {
  tr_backend backend;
  tr_ctx *ctx = with_devices(comm, &backend);
  summed(ctx, comm);
  CHECK(strcmp(device.warning, tr_comm_size(comm) > 1 ? warning : "") == 0);
  CHECK(device.opened == 0 && device.closed == 0);
  tr_comm_set_ctx(comm, NULL);
  tr_ctx_close(&ctx);
}

/* The last rank alone fails at it; `joined`: how often each has then tried to join. What was prepared is
 * closed without waiting. */
static void fails(tr_comm *comm, tr_status status, const char *why, int joined) {
  const bool last = tr_comm_rank(comm) == tr_comm_size(comm) - 1;
  tr_backend backend;
  tr_ctx *ctx = with_devices(comm, &backend);
  tr_array *x = ranks_of(ctx, comm);
  char said[40];
  snprintf(said, sizeof said, "rank %d failed", tr_comm_size(comm) - 1);
  CHECK_ERROR(ctx, tr_comm_sum_start(comm, x), status, last ? why : said);
  CHECK(tr_comm_speaks(comm) == last && !tr_comm_lost(comm) && device.opened == joined);
  tr_array_destroy(&x);
  tr_comm_set_ctx(comm, NULL);
  const int held = !last || device.prepares;
  CHECK(device.closed == held && device.ended == held);
  tr_ctx_close(&ctx);
}

static void last_fails(tr_comm *comm) {
  const bool last = tr_comm_rank(comm) == tr_comm_size(comm) - 1;
  device.joins = device.prepares = !last;
  fails(comm, TR_E_MEM, "it does not prepare", 0);
  device.prepares = true, device.closed = device.ended = 0;
  fails(comm, TR_E_DEVICE, "it does not join", 1);
}

int main(void) {
  tr_ctx *ctx;
  tr_comm *comm;
  CHECK_OK(NULL, tr_ctx_open("cpu", 1, &ctx, NULL));
  CHECK_OK(ctx, tr_comm_open(ctx, &comm));
  tr_comm_set_ctx(comm, NULL);
  const int rank = tr_comm_rank(comm), size = tr_comm_size(comm);
  device.place = rank;
  device.can = rank < size - 1;
  by_the_host(comm, device.can ? "" : "sums over the ranks go by way of the host: there is no such library");
  device.can = true, device.place = rank / 2;
  by_the_host(comm, "sums over the ranks go by way of the host: some ranks share a device");
  device.place = rank;
  if (size > 1) last_fails(comm);
  tr_comm_set_ctx(comm, ctx);
  tr_comm_close(&comm);
  tr_ctx_close(&ctx);
  return check_report();
}
