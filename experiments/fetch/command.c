/* transit fetch: published files by their names. */
#include <string.h>

#include "core/text.h"
#include "experiments/commands.h"
#include "experiments/fetch/fetcher.h"

typedef struct {
  tr_text_list given;
  const char *names;
  bool list;
} fetch_values;

static const tr_option options[] = {
    {.name = "list",
     .type = TR_OPTION_FLAG,
     .offset = offsetof(fetch_values, list),
     .help =
         "Fetch nothing: print the names (all, or those given), what they are, their files, and where these "
         "are on this machine or belong."},
    {.name = "names",
     .type = TR_OPTION_TEXT,
     .offset = offsetof(fetch_values, names),
     .metavar = "FILE",
     .default_note = "the file that " FETCH_NAMES_VARIABLE " names, which every command reads",
     .help =
         "More names, or others in place of those known: JSON, {\"names\": {\"NAME\": {\"repo\": "
         "\"OWNER/NAME\", "
         "\"revision\": \"main\", \"files\": [\"a.pt\"], \"also\": [\"old/place/a.pt\"]}}}, or with \"url\" "
         "and "
         "\"sha256\" in place of the repository; a list of names in place of one file stands for the first "
         "of them that exists."},
};

static const tr_option_table table = {
    .program = TR_PROGRAM,
    .name = "fetch",
    .summary = "Fetch published weights by their names, or say where they are.",
    .details =
        "Prints the path of each: the file, or the folder of several. Files of the hub lie in its own cache, "
        "as "
        "its own programs have it (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME), so that what others have fetched "
        "is "
        "found, and others find what this command has. Sizes and digests are checked; what was cut goes on "
        "where "
        "it stopped; a file appears whole or not at all.\n\nHF_ENDPOINT is another hub, HF_TOKEN (or "
        "HF_HOME/token) opens what is gated and is told to that hub alone. With HF_HUB_OFFLINE=1, or without "
        "a "
        "network, what is there is taken, and what is not is named with the place where it belongs. Other "
        "commands fetch what they need and lack in the same way ('transit sample --model').",
    .operands =
        {{.name = "NAME",
          .help =
              "A name of --list, such as SiT-XL/2, ema or inception; or OWNER/NAME[@REVISION][:PATH], of the "
              "hub: a file, a folder with a slash at its end, or all there is.",
          .many = true,
          .offset = offsetof(fetch_values, given)}},
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .values_size = sizeof(fetch_values)};

/* "SiT-XL/2-256   SiT-XL/2, ImageNet at 256 pixels" and a line for its files. */
static tr_status print_source(fetcher *f, const fetch_source *source) {
  tr_ctx *ctx = f->program->ctx;
  char path[FETCH_PATH], words[400];
  TR_TRY(local_find(ctx, &f->places, source, path));
  const bool present = *path;
  if (!present) TR_TRY(local_by_hand(ctx, &f->places, source, source->n_files, path));
  printf("%-20s %s\n", TR_SHOW(source->name, 100), TR_SHOW(source->about, 400));
  printf("%-20s   %s %s%s\n", "", local_words(source, words, sizeof words),
         source->repo  ? "of "
         : source->url ? "from "
                       : "",
         source->repo  ? source->repo
         : source->url ? source->url
                       : "this machine");
  printf("%-20s   %s %s\n", "", present ? "here:" : "absent; fetched, or put by hand into", path);
  return TR_OK;
}

static tr_status list_name(fetcher *f, const char *name) {
  fetch_source source;
  TR_TRY(fetch_names_find(f->program->ctx, f->names, name, &source));
  return print_source(f, &source);
}

/* A name that stands in both tables is the user's. */
static bool is_repeated(const fetch_names *names, int i) {
  for (int j = 0; j < i; j++)
    if (strcmp(fetch_names_at(names, j), fetch_names_at(names, i)) == 0) return true;
  return false;
}

static tr_status list_all(fetcher *f) {
  const char *name;
  for (int i = 0; (name = fetch_names_at(f->names, i)); i++)
    if (!is_repeated(f->names, i)) TR_TRY(list_name(f, name));
  return TR_OK;
}

static tr_status get_name(fetcher *f, const char *name) {
  fetch_source source;
  char path[FETCH_PATH];
  TR_TRY(fetch_names_find(f->program->ctx, f->names, name, &source));
  TR_TRY(fetcher_get(f, &source, true, path));
  printf("%s\n", path);
  fflush(stdout);
  return TR_OK;
}

static tr_status fetch_all(fetcher *f, const fetch_values *v) {
  if (v->list && v->given.n == 0) return list_all(f);
  if (v->given.n == 0)
    return TR_FAIL(f->program->ctx, TR_E_ARG,
                   "NAME is missing: 'transit fetch NAME...', names by 'transit fetch --list'");
  for (int i = 0; i < v->given.n; i++)
    TR_TRY(v->list ? list_name(f, v->given.v[i]) : get_name(f, v->given.v[i]));
  return TR_OK;
}

static tr_status run(program *p, const tr_parsed *parsed, void *values) {
  (void)parsed;
  const fetch_values *v = values;
  fetcher f;
  tr_status status = fetcher_open(p, v->names, &f);
  if (status == TR_OK) status = fetcher_know_places(&f);
  if (status == TR_OK) status = fetch_all(&f, v);
  fetcher_close(&f);
  return status;
}

const command command_fetch = {.table = &table, .run = run};
