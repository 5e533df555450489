#include "tests/support/nets/networks.h"

#include "nets/network.h"
#include "nets/register.h"

tr_status networks_register(tr_ctx *ctx) {
  return tr_module_at(ctx, TR_KIND_NETWORK, 0) ? TR_OK : tr_register_all(ctx);
}

tr_status networks_open(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                        const tr_net_options *options, tr_net **out) {
  tr_net_config config;
  *out = NULL;
  TR_TRY(networks_register(ctx));
  tr_status status = tr_net_configure(ctx, weights, settings, &config);
  if (status == TR_OK) status = tr_net_create(ctx, &config, options, weights, out);
  tr_net_config_clear(&config);
  return status;
}

tr_status networks_drift(tr_ctx *ctx, const tr_tensors *weights, const tr_net_settings *settings,
                         tr_dtype dtype, tr_quantity kind, tr_drift **out) {
  tr_net *net;
  *out = NULL;
  TR_TRY(networks_open(ctx, weights, settings, &(tr_net_options){.dtype = dtype}, &net));
  return tr_drift_take_net(&net, kind, out);
}
