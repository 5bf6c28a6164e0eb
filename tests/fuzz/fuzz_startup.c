// Arbitrary bytes as a startup file: never a crash; and what loads must come back equal from its
// own rendering.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "load.h"
#include "render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const struct text *text, const struct diag_list *d)
{
	struct text out = {0};

	diag_format_all(d, &out);
	fprintf(stderr, "%s:\n%s\n%s\n", what, text->data, out.data ? out.data : "");
	abort();
}

static void round_trip(const struct config *c)
{
	struct text text = {0};
	struct diag_list d;
	struct diff_list diff;
	struct config *again;

	if (render_config(c, &text))
		abort();
	if (load_text("again", text.data, text.len, &again, &d))
		fail("what was rendered does not load", &text, &d);
	if (!config_equal(c, again))
		fail("what was rendered is not equal", &text, &d);
	if (diff_configs(c, again, &diff) || diff.n)
		fail("equal configurations differ", &text, &d);
	diff_fini(&diff);
	config_free(again);
	diag_fini(&d);
	text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text messages = {0};
	struct config *c;
	struct diag_list d;

	load_text("fuzz", (const char *)data, size, &c, &d);
	diag_format_all(&d, &messages);
	if (!c != (d.errors > 0))
		abort();
	if (c)
		round_trip(c);
	config_free(c);
	diag_fini(&d);
	text_fini(&messages);
	return 0;
}
