/* What a trainer does because it is one of several. */
#include <stdlib.h>

#include "core/io/sha256.h"
#include "core/require_private.h"
#include "nets/train/trainer_private.h"

/* ---- sums of the gradient, from its end to its front ---- */

/* Begins the sums of what lies from here on, in buckets: their ends hang on the layout alone, so that a rank
 * that failed on its way cuts as the others do. */
static tr_status sum_from(tr_trainer *trainer, int64_t from) {
  while (trainer->unsummed > from) {
    const int64_t n = trainer->unsummed < trainer->bucket ? trainer->unsummed : trainer->bucket;
    if (trainer->unsummed - n < from) break;
    trainer->unsummed -= n;
    tr_array part = tr_view(trainer->gradient, trainer->unsummed, 1, &n);
    TR_TRY(tr_comm_sum_start(trainer->o.comm, &part));
  }
  return TR_OK;
}

/* Where the first parameter from this number on that is trained begins in an arena, in whose front those lie
 * in their order; -1: all from it on are frozen. */
static int64_t offset_of(const tr_trainer *trainer, int number) {
  for (int i = number; i < tr_params_n(trainer->params); i++) {
    if (tr_params_entry(trainer->params, i)->frozen) continue;
    const tr_array part = tr_params_at(trainer->params, trainer->gradient, i);
    return ((const char *)part.data - (const char *)trainer->gradient->data) /
           (int64_t)tr_dtype_size(part.dtype);
  }
  return -1;
}

bool tr_trainer_sums_early(const tr_trainer *trainer) {
  return trainer->o.comm && tr_comm_size(trainer->o.comm) > 1 &&
         tr_params_trained(trainer->params, trainer->gradient).count > trainer->bucket;
}

tr_status tr_trainer_finished(tr_trainer *trainer, int from) {
  const int64_t offset = offset_of(trainer, from);
  return offset < 0 ? TR_OK : sum_from(trainer, offset);
}

tr_status tr_trainer_sum_rest(tr_trainer *trainer) {
  const tr_status status = sum_from(trainer, 0), waited = tr_comm_sum_wait(trainer->o.comm);
  return status != TR_OK ? status : waited;
}

/* ---- the whole training ---- */

/* The i-th of its arenas and what it is called; NULL past the last. */
static tr_array *arena_of(const tr_trainer *trainer, int i, const char **name) {
  static const char *const names[] = {"parameters", "first moments", "second moments"};
  tr_array *const first[] = {tr_params_values(trainer->params), trainer->first, trainer->second};
  *name = i < 3 ? names[i] : "averages";
  return i < 3 ? first[i] : tr_trainer_average(trainer, i - 3);
}

static bool alone(const tr_trainer *trainer) {
  return !trainer->o.comm || tr_comm_size(trainer->o.comm) == 1;
}

/* Everybody takes part in every broadcast. */
static tr_status share_all(tr_trainer *trainer) {
  const char *name;
  tr_array *arena;
  tr_status status = TR_OK;
  double steps = tr_comm_rank(trainer->o.comm) == 0 ? (double)trainer->steps : 0;
  for (int i = 0; (arena = arena_of(trainer, i, &name)); i++) {
    const tr_status one = tr_comm_broadcast(trainer->o.comm, 0, arena);
    if (status == TR_OK) status = one;
  }
  TR_TRY(status);
  TR_TRY(tr_comm_reduce(trainer->o.comm, TR_COMM_SUM, 1, &steps));
  return tr_trainer_set_steps(trainer, (int64_t)steps);
}

tr_status tr_trainer_share(tr_trainer *trainer) {
  TR_REQUIRE(TR_CTX_OF(trainer), trainer);
  if (alone(trainer)) return TR_OK;
  TR_TRY(share_all(trainer));
  return tr_net_refresh(trainer->net);
}

static tr_status digest(const tr_array *arena, char hex[TR_SHA256_TEXT]) {
  const size_t bytes = (size_t)arena->count * tr_dtype_size(arena->dtype);
  void *host = malloc(bytes ? bytes : 1);
  if (!host) return TR_FAIL(arena->ctx, TR_E_MEM, "out of memory to compare %zu bytes of the ranks", bytes);
  tr_status status = tr_array_download(arena, host);
  const tr_file_map map = {.data = host, .size = bytes};
  if (status == TR_OK) status = tr_sha256_map(arena->ctx, &map, hex);
  free(host);
  return status;
}

static tr_status same_arena(const tr_trainer *trainer, const tr_array *arena, bool *same) {
  char hex[TR_SHA256_TEXT] = "";
  TR_TRY(tr_comm_agree(trainer->o.comm, digest(arena, hex)));
  return tr_comm_alike(trainer->o.comm, hex, sizeof hex, same);
}

tr_status tr_trainer_same(tr_trainer *trainer) {
  TR_REQUIRE(TR_CTX_OF(trainer), trainer);
  const char *name;
  tr_array *arena;
  for (int i = 0; !alone(trainer) && (arena = arena_of(trainer, i, &name)); i++) {
    bool same;
    TR_TRY(same_arena(trainer, arena, &same));
    if (!same)
      return TR_FAIL(trainer->ctx, TR_E_DEVICE, "step %lld: the ranks have drifted apart: their %s differ",
                     (long long)trainer->steps, name);
  }
  return TR_OK;
}
