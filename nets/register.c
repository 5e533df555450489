#include "nets/register.h"

#include "core/require_private.h"
#include "nets/modules_private.h"
#include "nets/network.h"
#include "transport/register.h"

tr_status tr_register_all(tr_ctx *ctx) {
  TR_REQUIRE(ctx, ctx);
#define TR_MODULE(kind, table) TR_TRY(tr_register(ctx, kind, table));
#define TR_ROOM(function)      TR_TRY(function(ctx));
#include "nets/modules.def"
#undef TR_MODULE
#undef TR_ROOM
  return TR_OK;
}
