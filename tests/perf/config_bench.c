// What a large configuration costs: `./run bench config`. For startup files of several shapes and
// sizes: load (check included), check, clone, difference, render, and one line that is typed. All
// in milliseconds, the least of some rounds, and bytes an entry. No dataplane. With `--write SHAPE
// N` it prints such a file. One thread.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "cursor.h"
#include "diff.h"
#include "load.h"
#include "render.h"
#include "shapes.h"

#define ROUNDS 3

enum step { STEP_LOAD, STEP_CHECK, STEP_CLONE, STEP_DIFF, STEP_LINE, STEP_RENDER, STEPS };

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	fprintf(stderr, "config_bench: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct config *load(const struct text *t)
{
	struct config *c = NULL;
	struct diag_list d;

	if (load_text("bench", t->data, t->len, &c, &d)) {
		struct text out = {0};

		diag_format_all(&d, &out);
		die(out.data);
	}
	diag_fini(&d);
	return c;
}

static void check(const struct config *c)
{
	struct diag_list d;

	diag_init(&d, NULL);
	if (check_config(c, &d))
		die("an error in the configuration");
	diag_fini(&d);
}

static void render(const struct config *c, const struct text *t)
{
	struct text out = {0};

	if (render_config(c, &out) || out.len < t->len / 2)
		die("cannot render");
	text_fini(&out);
}

// Returns the clone with the line.
static struct config *enter(const struct config *c)
{
	struct config_cursor cur;
	struct config *next = config_clone(c);
	struct diag_list d;

	cursor_init(&cur);
	diag_init(&d, NULL);
	if (!next || cursor_enter(next, &cur, "crypto isakmp key new address 203.0.113.1", 0, &d))
		die("a line is refused");
	diag_fini(&d);
	return next;
}

static void difference(const struct config *c, const struct config *next)
{
	struct diff_list d;

	if (diff_configs(c, next, &d) || d.n != 1)
		die("a wrong difference");
	diff_fini(&d);
}

static void keep_least(double *best, double start)
{
	double ms = now_ms() - start;

	if (*best == 0 || ms < *best)
		*best = ms;
}

static void measure_round(const struct text *t, double best[STEPS], size_t *bytes)
{
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	double start = now_ms();
	struct config *c = load(t), *next;

	keep_least(&best[STEP_LOAD], start);
	*bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	start = now_ms();
	check(c);
	keep_least(&best[STEP_CHECK], start);
	start = now_ms();
	config_free(config_clone(c));
	keep_least(&best[STEP_CLONE], start);
	start = now_ms();
	next = enter(c);
	keep_least(&best[STEP_LINE], start);
	start = now_ms();
	difference(c, next);
	keep_least(&best[STEP_DIFF], start);
	start = now_ms();
	render(c, t);
	keep_least(&best[STEP_RENDER], start);
	config_free(next);
	config_free(c);
}

static void measure(enum shape shape, uint32_t n)
{
	struct text t = {0};
	double best[STEPS] = {0};
	size_t bytes = 0;

	shape_write(shape, n, &t);
	if (t.failed)
		die("out of memory");
	for (unsigned i = 0; i < ROUNDS; i++)
		measure_round(&t, best, &bytes);
	printf("%-9s %7u", shape_name(shape), n);
	for (unsigned i = 0; i < STEPS; i++)
		printf(" %9.2f", best[i]);
	printf(" %9zu\n", bytes / n);
	fflush(stdout);
	text_fini(&t);
}

static int write_shape(const char *name, const char *count)
{
	struct text t = {0};

	for (unsigned s = 0; s < SHAPES; s++) {
		if (strcmp(name, shape_name(s)))
			continue;
		shape_write(s, (uint32_t)strtoul(count, NULL, 10), &t);
		return !t.failed && fwrite(t.data, 1, t.len, stdout) == t.len ? 0 : 1;
	}
	die("no such shape");
	return 1;
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1000, 10000, 100000};

	if (argc == 4 && !strcmp(argv[1], "--write"))
		return write_shape(argv[2], argv[3]);
	if (argc > 1)
		die("usage: config_bench [--write SHAPE N]");
	printf("milliseconds\nshape           n      load     check     clone      diff      line"
	       "    render  B/entry\n");
	for (unsigned s = 0; s < SHAPES; s++)
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			measure(s, sizes[i]);
	return 0;
}
