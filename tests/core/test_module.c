/* What a module declares: its parameters, their values and ranges, and what registration refuses. */
#include "core/module/module.h"

#include "core/module/registry.h"
#include "tests/support/check.h"

enum { RATE, SHARE, FREE, OFF };
static const tr_param params[] = {
    [RATE] = {.name = "rate", .value = NAN, .range = {.ends = TR_RANGE_GT, .low = 0}, .help = "must be set"},
    [SHARE] = {.name = "share",
               .value = 0.5,
               .range = {.ends = TR_RANGE_GE | TR_RANGE_LE, .low = 0, .high = 1},
               .help = "both ends closed"},
    [FREE] = {.name = "free", .value = -3, .help = "any finite number"},
    [OFF] = {.name = "off",
             .value = NAN,
             .range = {.ends = TR_RANGE_GE | TR_RANGE_LT, .low = 1, .high = 2},
             .unset = "no such thing",
             .help = "may stay unset"},
};
static const tr_module module = {.name = "sample", .summary = "", .params = params, .n_params = 4};
static const tr_module plain = {.name = "plain", .summary = ""};

static void ranges(void) {
  static const struct {
    tr_range range;
    const char *text;
    double in, out;
  } cases[] = {{{.ends = 0}, "", -1e300, INFINITY},
               {{.ends = TR_RANGE_GE, .low = 2}, ">= 2", 2, 1.9},
               {{.ends = TR_RANGE_GT, .low = 2}, "> 2", 2.1, 2},
               {{.ends = TR_RANGE_LE, .high = 2}, "<= 2", 2, 2.1},
               {{.ends = TR_RANGE_LT, .high = 2}, "< 2", 1.9, 2},
               {{.ends = TR_RANGE_GE | TR_RANGE_LE, .low = -1, .high = 1}, "from -1 to 1", -1, 1.1},
               {{.ends = TR_RANGE_GT | TR_RANGE_LE, .low = 0, .high = 1}, "> 0 and <= 1", 1, 0},
               {{.ends = TR_RANGE_GE | TR_RANGE_LT, .low = 0, .high = 1}, ">= 0 and < 1", 0, 1}};
  char text[96];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK(strcmp(tr_range_text(&cases[i].range, text, sizeof text), cases[i].text) == 0);
    CHECK(tr_range_has(&cases[i].range, cases[i].in) && !tr_range_has(&cases[i].range, cases[i].out));
    CHECK(!tr_range_has(&cases[i].range, NAN));
  }
}

static void setting(tr_ctx *ctx) {
  tr_values values = tr_module_defaults(&module), again = values;
  CHECK(values.set == 0 && isnan(values.v[RATE]) && values.v[SHARE] == 0.5 && values.v[FREE] == -3);
  CHECK(tr_values_equal(&module, &values, &again));
  CHECK_OK(ctx, tr_module_set(ctx, &module, &values, "share", 1));
  CHECK_OK(ctx, tr_module_set(ctx, &module, &values, "free", -1e9));
  CHECK(values.v[SHARE] == 1 && values.v[FREE] == -1e9 && values.set == (1u << SHARE | 1u << FREE));
  CHECK(!tr_values_equal(&module, &values, &again));
  CHECK_ERROR(ctx, tr_module_set(ctx, &module, &values, "shar", 1), TR_E_ARG,
              "sample has no parameter 'shar': did you mean 'share'? (it has rate, share, free, off)");
  CHECK_ERROR(ctx, tr_module_set(ctx, &module, &values, "quite-different", 1), TR_E_ARG,
              "sample has no parameter 'quite-different': it has rate, share, free, off");
  CHECK_ERROR(ctx, tr_module_set(ctx, &module, &values, "Share", 1), TR_E_ARG, "no parameter 'Share'");
  CHECK_ERROR(ctx, tr_module_set(ctx, &plain, &values, "share", 1), TR_E_ARG,
              "plain has no parameter 'share': it has none");
  CHECK_ERROR(ctx, tr_module_set(ctx, &module, &values, "share", 1.5), TR_E_ARG,
              "share of sample is 1.5: use a finite number from 0 to 1");
  CHECK_ERROR(ctx, tr_module_set(ctx, &module, &values, "rate", 0), TR_E_ARG, "number > 0");
  CHECK_ERROR(ctx, tr_module_set(ctx, &module, &values, "free", INFINITY), TR_E_ARG, "use a finite number");
  CHECK(values.v[SHARE] == 1 && isnan(values.v[RATE]) && !(values.set & 1u << RATE)); /* as before */
}

static void settling(tr_ctx *ctx) {
  tr_values values = {0};
  CHECK_ERROR(ctx, tr_module_settle(ctx, &module, &values), TR_E_ARG,
              "sample needs its parameter rate: it has no usual value");
  CHECK_OK(ctx, tr_module_set(ctx, &module, &values, "rate", 2));
  CHECK_OK(ctx, tr_module_settle(ctx, &module, &values));
  CHECK(values.v[RATE] == 2 && values.v[SHARE] == 0.5 && values.v[FREE] == -3 && isnan(values.v[OFF]));
  CHECK_OK(ctx, tr_module_check(ctx, &module, &values));
  values.v[SHARE] = 2; /* past the name */
  CHECK_ERROR(ctx, tr_module_check(ctx, &module, &values), TR_E_ARG, "share of sample is 2");
  CHECK_OK(ctx, tr_module_settle(ctx, &module, &values)); /* not set: the default comes back */
  CHECK(values.v[SHARE] == 0.5);
  CHECK_OK(ctx, tr_module_settle(ctx, &plain, &values));
}

static void registration(tr_ctx *ctx) {
  static const tr_param nameless[] = {{.name = NULL}}, empty[] = {{.name = ""}}, equals[] = {{.name = "a=b"}},
                        comma[] = {{.name = "a,b"}}, twice[] = {{.name = "a"}, {.name = "a"}},
                        outside[] = {{.name = "a", .value = 0, .range = {.ends = TR_RANGE_GT, .low = 0}}};
  static const struct {
    tr_module module;
    const char *says;
  } bad[] = {{{.name = "m", .params = nameless, .n_params = 1}, "parameter 0"},
             {{.name = "m", .params = empty, .n_params = 1}, "named ''"},
             {{.name = "m", .params = equals, .n_params = 1}, "'a=b'"},
             {{.name = "m", .params = comma, .n_params = 1}, "'a,b'"},
             {{.name = "m", .params = twice, .n_params = 2}, "two parameters named 'a'"},
             {{.name = "m", .params = outside, .n_params = 1}, "default 0, which is out of its range"},
             {{.name = "m", .params = params, .n_params = TR_PARAMS_MAX + 1}, "announces 9 parameters"},
             {{.name = "m", .params = params, .n_params = -1}, "announces -1"},
             {{.name = "m", .n_params = 1}, "has none"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(ctx, tr_register(ctx, "test", &bad[i].module), TR_E_ARG, bad[i].says);
  CHECK(tr_module_at(ctx, "test", 0) == NULL);
  CHECK_OK(ctx, tr_register(ctx, "test", &module));
  CHECK_OK(ctx, tr_register(ctx, "test", &plain));
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  ranges();
  setting(ctx);
  settling(ctx);
  registration(ctx);
  tr_ctx_close(&ctx);
  return check_report();
}
