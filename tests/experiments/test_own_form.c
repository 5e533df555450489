/* A diffusion form and a last step of a user's own, each with a parameter: a table and one tr_register, and
 * every command of the program knows them and their parameters by name. */
#include <stdlib.h>

#include "tests/support/check.h"
#include "tests/support/said.h"
#include "tests/support/scratch.h"
#include "transport/diffusion/diffusion.h"
#include "transport/laststep/laststep.h"

/* ---- the form: D = n sigma^p ---- */

enum { POWER };
static const tr_param params[] = {
    [POWER] = {.name = "power",
               .value = 1,
               .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 1, .high = 4},
               .help = "the exponent of sigma"},
};
static double D(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * pow(at->sigma, d->values.v[POWER]);
}
static double D_sigma(const tr_diffusion *d, const tr_coeffs *at) {
  return d->norm * pow(at->sigma, d->values.v[POWER] - 1);
}
static const tr_diffusion_type form = {
    .info = {.name = "sigma-power", .summary = "D = n sigma^p", .params = params, .n_params = 1},
    .D = D,
    .D_sigma = D_sigma,
};

/* ---- the last step: x + share v L ---- */

static const tr_param share[] = {
    {.name = "share", .value = 0, .range = {.ends = TR_RANGE_GE, .low = 0}, .help = "1: a step of the ODE"}};
static void part_of_euler(const tr_last_step_args *args, tr_affine *out) {
  double size = args->params[0] * args->size;
  tr_affine_of(args->prediction, &args->at, TR_VELOCITY, out);
  *out = (tr_affine){1 + size * out->x, size * out->p};
}
static const tr_last_step_type part = {
    .info = {.name = "Part", .summary = "x + share v L", .params = share, .n_params = 1},
    .map = part_of_euler};

static tr_status register_own(tr_ctx *ctx) {
  TR_TRY(tr_register(ctx, TR_KIND_LAST_STEP, &part.info));
  return tr_register(ctx, TR_KIND_DIFFUSION, &form.info);
}

/* ---- the program with it ---- */

static int transit(const char *line) {
  return said_by(register_own, line);
}

static void listed(void) {
  CHECK(transit("list diffusion") == 0);
  SAYS("  sigma-power            D = n sigma^p\n");
  SAYS("power (from 1 to 4, default 1): the exponent of sigma");
  CHECK(transit("sample --help") == 0);
  SAYS("sigma-power. SDE only.");
  SAYS("--last-step-param NAME=VALUE,...");
  CHECK(transit("list last-step") == 0);
  SAYS("share (>= 0, default 0): 1: a step of the ODE");
}

static void sampled(void) {
  char line[1024], with[256], without[256];
  size_t size, size_built_in;
  snprintf(with, sizeof with, "%s", scratch("own"));
  snprintf(without, sizeof without, "%s", scratch("sigma"));
  static const char options[] =
      "sample SDE --ckpt " TR_EXPERIMENT_DATA
      "/digits-ema.pt --num-samples 1 --num-sampling-steps 4 --diffusion-norm 0.5 --diffusion-form";
  /* with its default it is the form sigma, bit for bit */
  snprintf(line, sizeof line, "%s sigma-power --out %s", options, with);
  CHECK(transit(line) == 0);
  snprintf(line, sizeof line, "%s sigma --out %s", options, without);
  CHECK(transit(line) == 0);
  snprintf(line, sizeof line, "%s/samples.npz", with);
  unsigned char *own = read_whole(line, &size);
  snprintf(line, sizeof line, "%s/samples.npz", without);
  unsigned char *built_in = read_whole(line, &size_built_in);
  CHECK(size == size_built_in && memcmp(own, built_in, size) == 0);
  free(own);

  snprintf(with, sizeof with, "%s", scratch("power"));
  snprintf(line, sizeof line, "%s Sigma-Power --form-param power=2.5 --out %s", options, with);
  CHECK(transit(line) == 0);
  snprintf(line, sizeof line, "%s/samples.npz", with);
  own = read_whole(line, &size);
  CHECK(size != size_built_in || memcmp(own, built_in, size) != 0);
  free(own);
  free(built_in);
  snprintf(line, sizeof line, "%s/run.json", with);
  said_record(line);
  SAYS("\"diffusion-form\":\"sigma-power\"");
  SAYS("\"form-param\":{\"power\":2.5}");
}

/* A share of 1 is the step that ships, bit for bit; the default of 0 is another. */
static void last_stepped(void) {
  static const struct {
    const char *dir, *options;
  } runs[] = {{"euler", "--last-step Euler"},
              {"whole", "--last-step part --last-step-param share=1"},
              {"nothing", "--last-step Part"}};
  unsigned char *samples[3];
  size_t size[3];
  char line[1024];
  for (int i = 0; i < 3; i++) {
    snprintf(line, sizeof line,
             "sample SDE --ckpt " TR_EXPERIMENT_DATA
             "/digits-ema.pt --num-samples 1 --num-sampling-steps 4 --last-step-size 0.2 %s --out %s",
             runs[i].options, scratch(runs[i].dir));
    CHECK(transit(line) == 0);
    snprintf(line, sizeof line, "%s/samples.npz", scratch(runs[i].dir));
    samples[i] = read_whole(line, &size[i]);
  }
  CHECK(size[0] == size[1] && memcmp(samples[0], samples[1], size[0]) == 0);
  CHECK(size[0] != size[2] || memcmp(samples[0], samples[2], size[0]) != 0);
  for (int i = 0; i < 3; i++) free(samples[i]);
  snprintf(line, sizeof line, "%s/run.json", scratch("whole"));
  said_record(line);
  SAYS("\"last-step-param\":{\"share\":1.0}");
  snprintf(line, sizeof line, "%s/run.json", scratch("nothing"));
  said_record(line);
  SAYS("\"last-step-param\":{\"share\":0.0}");
}

static void refused(void) {
  char line[1024];
  static const struct {
    const char *param, *says;
  } bad[] = {{"power=2 --last-step Part --last-step-param share=-1",
              "--last-step-param: share of Part is -1: use a finite number >= 0"},
             {"power=2 --last-step-param share=1", "--last-step-param: Mean has no parameter 'share'"},
             {"power=5", "--form-param: power of sigma-power is 5: use a finite number from 1 to 4"},
             {"powr=2", "--form-param: sigma-power has no parameter 'powr': did you mean 'power'?"},
             {"eta=2", "sigma-power has no parameter 'eta': it has power"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    snprintf(line, sizeof line,
             "sample SDE --ckpt " TR_EXPERIMENT_DATA
             "/digits-ema.pt --diffusion-form sigma-power --form-param %s --out %s",
             bad[i].param, scratch("refused"));
    CHECK(transit(line) == 2);
    SAYS(bad[i].says);
  }
}

static void swept(void) {
  char line[1024], dir[256];
  snprintf(dir, sizeof dir, "%s", scratch("sweep"));
  snprintf(
      line, sizeof line,
      "sweep --target gaussian:d=1 --num-samples 4 --solvers euler-maruyama --steps 4 --diffusion-forms "
      "sigma,sigma-power --form-param power=2 --last-steps Mean,Part --last-step-param share=0.5 --out %s",
      dir);
  CHECK(transit(line) == 0);
  snprintf(line, sizeof line, "%s/results.csv", dir);
  said_file(line);
  SAYS("SDE,euler-maruyama,Linear,uniform,sigma,1,Mean,,4,0,ok,");
  SAYS("SDE,euler-maruyama,Linear,uniform,sigma-power,1,Mean,,4,0,ok,");
  snprintf(line, sizeof line, "%s/manifest.json", dir);
  said_record(line);
  SAYS("\"diffusion\":{\"sigma-power\":{\"power\":2.0}}");
  SAYS("\"last-step\":{\"Part\":{\"share\":0.5}}");
}

int main(void) {
  listed();
  sampled();
  last_stepped();
  refused();
  swept();
  return check_report();
}
