/* The whole of libtransit: samplers, likelihoods and training gradients of transport models (stochastic
 * interpolants, flow matching, diffusion). One sentence rules everything:
 *   x_t = alpha(t) x1 + sigma(t) x0,   x0 ~ N(0, I),   t = 0 noise, t = 1 data.
 *
 * Every function that can fail returns a tr_status, and the context keeps the first error as one line. The
 * library never prints, exits or aborts. Each header says what its functions compute, of which shapes, and
 * who owns what. */
#ifndef TRANSIT_H
#define TRANSIT_H

/* Ground: errors, the context (one device, one seed, the modules), the version. */
#include "core/context.h"
#include "core/status.h"
#include "core/text.h"
#include "core/version.h"

/* Arrays on a device, and what is computed with them, on several ranks too. */
#include "core/array.h"
#include "core/backend.h"
#include "core/comm/comm.h"
#include "core/dtype.h"
#include "core/nn/nn.h"
#include "core/params.h"
#include "core/random.h"
#include "core/record/record.h"
#include "core/vec/program.h"
#include "core/vec/vec.h"

/* Modules by kind and name, and command lines from tables. */
#include "core/module/module.h"
#include "core/module/registry.h"
#include "core/options/options.h"

/* Files: data sets, NumPy's arrays, images, checksums; what is written appears whole or not at all. */
#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/data/order.h"
#include "core/io/file.h"
#include "core/io/image/gif.h"
#include "core/io/image/image.h"
#include "core/io/image/jpeg.h"
#include "core/io/image/png.h"
#include "core/io/image/resample.h"
#include "core/io/npy.h"
#include "core/io/npz.h"
#include "core/io/sha256.h"

/* Differential equations, ordinary and stochastic, and methods of one's own from a table. */
#include "integrators/ode/adams_bashforth.h"
#include "integrators/ode/ode.h"
#include "integrators/ode/runge_kutta.h"
#include "integrators/register.h"
#include "integrators/sde/brownian.h"
#include "integrators/sde/sde.h"
#include "integrators/sde/stochastic_rk.h"
#include "integrators/stop.h"
#include "integrators/version.h"

/* Fields: a drift provider, what it predicts and along which path; guidance, transfer, exact ones. */
#include "transport/autoguidance.h"
#include "transport/drift.h"
#include "transport/exact/exact.h"
#include "transport/exact/gaussian.h"
#include "transport/guidance.h"
#include "transport/path/interpolant.h"
#include "transport/path/interval.h"
#include "transport/prediction/prediction.h"
#include "transport/transfer.h"

/* Sampling: the sampler, and the modules it is made of. */
#include "transport/diffusion/diffusion.h"
#include "transport/diffusion/table.h"
#include "transport/exponential/exponential.h"
#include "transport/grid/grid.h"
#include "transport/laststep/laststep.h"
#include "transport/register.h"
#include "transport/sampler/noised_ode.h"
#include "transport/sampler/sampler.h"

/* Likelihoods and losses. */
#include "transport/likelihood/dequantise.h"
#include "transport/likelihood/likelihood.h"
#include "transport/loss/loss.h"
#include "transport/trace/trace.h"

/* Networks: checkpoints opened as models, networks as fields, gradients of their parameters; and what a
 * network of one's own is made of. */
#include "nets/checkpoint/checkpoint.h"
#include "nets/checkpoint/tensors.h"
#include "nets/conditions.h"
#include "nets/inception/inception.h"
#include "nets/layers/layers.h"
#include "nets/layers/weights.h"
#include "nets/model.h"
#include "nets/net.h"
#include "nets/network.h"
#include "nets/register.h"

/* Training, and writing checkpoints. */
#include "nets/checkpoint/write/save.h"
#include "nets/train/draws.h"
#include "nets/train/post_hoc.h"
#include "nets/train/power.h"
#include "nets/train/schedule.h"
#include "nets/train/state.h"
#include "nets/train/trainer.h"

/* Pictures of latents, and latents of pictures. */
#include "nets/vae/vae.h"

#endif
