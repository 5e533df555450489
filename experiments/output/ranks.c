#include "experiments/output/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/sha256.h"
#include "experiments/output/run_record.h"

int ranks_count(const program *p) {
  return p->comm ? tr_comm_size(p->comm) : 1;
}

tr_status ranks_agree(const program *p, tr_status status) {
  return p->comm ? tr_comm_agree(p->comm, status) : status;
}

tr_status ranks_devices(const program *p, char text[RANKS_DEVICES]) {
  bool beside = false;
  text[0] = 0;
  for (int r = 0; r < ranks_count(p) && p->comm; r++) {
    char name[32];
    snprintf(name, sizeof name, "%s", tr_ctx_resource(p->ctx));
    TR_TRY(tr_comm_broadcast_bytes(p->comm, r, name, sizeof name));
    const size_t used = strlen(text), room = RANKS_DEVICES - 40 - used;
    const bool fits = strlen(name) + 8 < room;
    snprintf(text + used, room, "%s%s", r ? ", " : " (", fits ? name : "...");
    beside |= strcmp(name, "cpu") != 0;
    if (!fits) break;
  }
  if (beside)
    snprintf(text + strlen(text), 40, "; arrays by %s)", tr_comm_name(p->comm));
  else
    text[0] = 0;
  return TR_OK;
}

static tr_status digest(tr_ctx *ctx, json_t *options, const char *const *own, char hex[TR_SHA256_TEXT]) {
  for (; *own; own++) json_object_del(options, *own);
  char *text = json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(options);
  if (!text) return TR_FAIL(ctx, TR_E_MEM, "out of memory for options");
  const tr_file_map map = {.data = (const unsigned char *)text, .size = strlen(text)};
  const tr_status status = tr_sha256_map(ctx, &map, hex);
  free(text);
  return status;
}

/* "--a, --b and --c" */
static void list(const char *const *names, char *text, size_t size) {
  text[0] = 0;
  for (int i = 0; names[i]; i++)
    snprintf(text + strlen(text), size - strlen(text), "%s--%s",
             !i             ? ""
             : names[i + 1] ? ", "
                            : " and ",
             names[i]);
}

tr_status ranks_same_options(const program *p, const tr_option_table *table, const tr_parsed *parsed,
                             const void *values, const char *const *own) {
  char hex[TR_SHA256_TEXT] = "", names[200];
  bool alike;
  if (!p->comm) return TR_OK;
  TR_TRY(ranks_agree(p, digest(p->ctx, record_options(table, parsed, values), own, hex)));
  TR_TRY(tr_comm_alike(p->comm, hex, sizeof hex, &alike));
  if (alike) return TR_OK;
  list(own, names, sizeof names);
  return TR_FAIL(p->ctx, TR_E_ARG,
                 "the ranks have other options than each other: give all of them the same, but for %s",
                 names);
}
