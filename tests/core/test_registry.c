/* The registry: names, aliases, clashes, order, and the nearest right spelling. */
#include "core/module/registry.h"
#include "tests/support/check.h"

static const tr_module heun = {.name = "heun2", .aliases = "heun,improved-euler", .summary = "second order"};
static const tr_module euler = {.name = "euler", .summary = "first order"};
static const tr_module rk4 = {.name = "rk4", .aliases = "runge-kutta", .summary = "fourth order"};

static void finding(tr_ctx *ctx) {
  const tr_module *m;
  CHECK_OK(ctx, tr_register(ctx, "method", &heun));
  CHECK_OK(ctx, tr_register(ctx, "path", &euler)); /* kinds are separate */
  CHECK_OK(ctx, tr_register(ctx, "method", &euler));
  CHECK_OK(ctx, tr_register(ctx, "method", &rk4));
  static const struct {
    const char *name;
    const tr_module *want;
  } cases[] = {{"heun2", &heun}, {"heun", &heun}, {"improved-euler", &heun},
               {"HEUN2", &heun}, {"Heun", &heun}, {"euler", &euler},
               {"RK4", &rk4}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_OK(ctx, tr_find(ctx, "method", cases[i].name, &m));
    CHECK(m == cases[i].want);
  }
  CHECK(tr_module_at(ctx, "method", 0) == &heun && tr_module_at(ctx, "method", 2) == &rk4);
  CHECK(tr_module_at(ctx, "method", 3) == NULL && tr_module_at(ctx, "nothing", 0) == NULL);
  CHECK(tr_module_named(ctx, "method", "heun2") == &heun && tr_module_named(ctx, "method", "rk4") == &rk4);
  CHECK(!tr_module_named(ctx, "method", "heun") && !tr_module_named(ctx, "method", "HEUN2"));
  CHECK(!tr_module_named(ctx, "path", "heun2") && !tr_module_named(ctx, "nothing", "heun2"));
  CHECK(strcmp(tr_kind_at(ctx, 0), "method") == 0 && strcmp(tr_kind_at(ctx, 1), "path") == 0);
  CHECK(tr_kind_at(ctx, 2) == NULL);
}

static void unknown(tr_ctx *ctx) {
  const tr_module *m = &heun;
  CHECK_ERROR(ctx, tr_find(ctx, "method", "elur", &m), TR_E_ARG,
              "did you mean 'euler'? (known: heun2, euler, rk4)");
  CHECK(m == NULL);
  CHECK_ERROR(ctx, tr_find(ctx, "method", "quite-different", &m), TR_E_ARG, "use one of heun2, euler, rk4");
  CHECK_ERROR(ctx, tr_find(ctx, "method", "", &m), TR_E_ARG, "unknown method ''");
  CHECK_ERROR(ctx, tr_find(ctx, "method", "heun,improved-euler", &m), TR_E_ARG, "unknown");
  CHECK_ERROR(ctx, tr_find(ctx, "method", "improved", &m), TR_E_ARG, "unknown"); /* no prefixes */
  CHECK_ERROR(ctx, tr_find(ctx, "form", "sigma", &m), TR_E_ARG, "none is registered");
}

static void clashes(tr_ctx *ctx) {
  static const tr_module same = {.name = "euler"}, other_case = {.name = "Euler"},
                         takes_alias = {.name = "heun"}, alias_taken = {.name = "new", .aliases = "fine,rk4"},
                         alias_of_alias = {.name = "new", .aliases = "runge-kutta"}, nameless = {.name = ""},
                         none = {.name = NULL}, comma = {.name = "a,b"};
  static const tr_module *const taken[] = {&same, &other_case, &takes_alias, &alias_taken, &alias_of_alias};
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    CHECK_ERROR(ctx, tr_register(ctx, "method", taken[i]), TR_E_ARG, "already");
  CHECK_ERROR(ctx, tr_register(ctx, "method", &nameless), TR_E_ARG, "without a name");
  CHECK_ERROR(ctx, tr_register(ctx, "method", &none), TR_E_ARG, "without a name");
  CHECK_ERROR(ctx, tr_register(ctx, "method", &comma), TR_E_ARG, "comma");
  CHECK(tr_module_at(ctx, "method", 3) == NULL); /* nothing was added */
}

static void growing(tr_ctx *ctx) {
  enum { N = 300 };
  static char names[N][16];
  static tr_module many[N];
  const tr_module *m;
  for (int i = 0; i < N; i++) {
    snprintf(names[i], sizeof names[i], "m%d", i);
    many[i] = (tr_module){.name = names[i]};
    CHECK_OK(ctx, tr_register(ctx, "many", &many[i]));
  }
  CHECK_OK(ctx, tr_find(ctx, "many", "m299", &m));
  CHECK(m == &many[299] && tr_module_at(ctx, "many", 150) == &many[150]);
  CHECK_ERROR(ctx, tr_find(ctx, "many", "quite-different", &m), TR_E_ARG, "m0, m1"); /* a list cut short */
}

static void nearest(void) {
  static const char *const words[] = {"constant", "sigma", "linear", "SBDM", "increasing-decreasing",
                                      "eta",      "vae"};
  enum { WORDS = sizeof words / sizeof *words };
  static const struct {
    const char *word, *want;
  } cases[] = {{"sigam", "sigma"},
               {"Sigma", "sigma"},
               {"sbdm", "SBDM"},
               {"contsant", "constant"},
               {"vea", "vae"}, /* a swap is one slip, "eta" is two letters away */
               {"eat", "eta"},
               {"liner", "linear"},
               {"xyz", NULL},
               {"tangerine", NULL},
               {"increasing-decreasin", "increasing-decreasing"},
               {"increasing", "increasing-decreasing"},
               {"const", "constant"},
               {"CREASING", "increasing-decreasing"},
               {"", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *got = tr_nearest(cases[i].word, words, WORDS);
    CHECK(got == cases[i].want || (got && cases[i].want && strcmp(got, cases[i].want) == 0));
  }
  char longer[300];
  memset(longer, 'z', sizeof longer - 1), longer[sizeof longer - 1] = 0;
  CHECK(tr_nearest(longer, words, WORDS) == NULL);
  CHECK(tr_nearest("sigma", words, 0) == NULL);
}

int main(void) {
  tr_ctx *ctx = check_context(0, NULL);
  CHECK(tr_kind_at(ctx, 0) == NULL);
  finding(ctx);
  unknown(ctx);
  clashes(ctx);
  growing(ctx);
  nearest();
  tr_ctx_close(&ctx);
  return check_report();
}
