// The filters behind `|` of show commands, and frames.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "screen.h"

static const char *const text[] = {"interface FastEthernet0", " ip address 10.0.0.1",
                                   " crypto map test", "interface FastEthernet1", "end"};

// What of `text` is shown, by number.
static const char *shown(const char *typed)
{
	static char out[128];
	char line[128], err[128], result[80];
	struct filter f;

	snprintf(line, sizeof(line), "%s", typed);
	assert_int_equal(filter_parse(line, &f, err, sizeof(err)), 0);
	assert_null(strchr(line, '|'));
	out[0] = '\0';
	for (unsigned i = 0; i < 5; i++)
		if (filter_line(&f, text[i]))
			snprintf(out + strlen(out), sizeof(out) - strlen(out), "%u", i);
	filter_end(&f, result, sizeof(result));
	snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s", result);
	return out;
}

static void filters(void **state)
{
	(void)state;
	assert_string_equal(shown("show running-config | include Fast|crypto"), "023");
	assert_string_equal(shown("sh run | inc ^interface"), "03");
	assert_string_equal(shown("do show run | exclude ^ "), "034");
	assert_string_equal(shown("show run | begin crypto"), "234");
	assert_string_equal(shown("show run | section Ethernet0$"), "012");
	assert_string_equal(shown("show run | section include Ethernet0$"), "012");
	assert_string_equal(shown("show run | sec inc ip address"), "12");
	assert_string_equal(shown("show run | section exclude Ethernet0$"), "34");
	assert_string_equal(shown("show run | section exclude ^interface"), "4");
	assert_string_equal(shown("show run | section i"), "0123"); // the expression
	assert_string_equal(shown("show run | section interface FastEthernet1"), "3");
	assert_string_equal(shown("show run | include exclude x"), "");
	assert_string_equal(shown("show run | count interface"),
	                    "Number of lines which match regexp = 2\n");
}

static int parse(const char *typed)
{
	char line[128], err[128], result[80];
	struct filter f;
	int n;

	snprintf(line, sizeof(line), "%s", typed);
	n = filter_parse(line, &f, err, sizeof(err));
	if (n == 0)
		filter_end(&f, result, sizeof(result));
	else
		assert_string_equal(line, typed);
	return n;
}

static void not_a_filter(void **state)
{
	(void)state;
	assert_int_equal(parse("show version"), 1);
	// A bar in a line that shows nothing is part of it.
	assert_int_equal(parse("crypto isakmp key a |b address 10.0.0.1"), 1);
	assert_int_equal(parse("show run | inc"), -EINVAL);
	assert_int_equal(parse("show run | grep x"), -EINVAL);
	assert_int_equal(parse("show run | include ("), -EINVAL);
}

static void filters_are_completed(void **state)
{
	static const char all[] = "begin\ncount\nexclude\ninclude\nsection\n";
	char out[FILTER_HELP];

	(void)state;
	assert_false(filter_help("show crypto isakmp sa", out, sizeof(out)));
	assert_false(filter_complete("hostname a |", out, sizeof(out)));
	assert_true(filter_complete("show crypto isakmp sa | ", out, sizeof(out)));
	assert_string_equal(out, all);
	assert_true(filter_complete("do sh run |sec", out, sizeof(out)));
	assert_string_equal(out, "section\n");
	assert_true(filter_complete("show run | section ", out, sizeof(out)));
	assert_string_equal(out, "exclude\ninclude\n");
	assert_true(filter_complete("show run | section e", out, sizeof(out)));
	assert_string_equal(out, "exclude\n");
	assert_true(filter_complete("show run | section include i", out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(filter_complete("show run | include ", out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(filter_help("show run | ", out, sizeof(out)));
	assert_non_null(strstr(out, "  count    Count number of lines which match\n  exclude  "));
	assert_true(filter_help("show run | e", out, sizeof(out)));
	assert_string_equal(out, "exclude\n");
	assert_true(filter_help("show run | section ", out, sizeof(out)));
	assert_string_equal(out, "  LINE     Regular expression\n"
	                         "  exclude  All but the sections that match\n"
	                         "  include  The sections that match\n");
	assert_true(filter_help("show run | section ex", out, sizeof(out)));
	assert_string_equal(out, "exclude\n");
	assert_true(filter_help("show run | section include ", out, sizeof(out)));
	assert_string_equal(out, "  LINE  Regular expression\n");
	assert_true(filter_help("show run | section crypto", out, sizeof(out)));
	assert_string_equal(out, "  LINE  Regular expression\n");
	assert_true(filter_help("show run | include ", out, sizeof(out)));
	assert_string_equal(out, "  LINE  Regular expression\n");
	assert_true(filter_help("show run | grep ", out, sizeof(out)));
	assert_string_equal(out, "% Unrecognized command\n");
}

// What is on the screen after a text.
static const char *printed(FILE *to, struct screen *s, struct filter *f, const char *typed)
{
	static char out[64];
	size_t n;

	if (typed)
		screen_put(s, f, typed, strlen(typed));
	else
		screen_end(s, f);
	fflush(stdout);
	rewind(to);
	n = fread(out, 1, sizeof(out) - 1, to);
	out[n] = '\0';
	return out;
}

// Half a line stands there at once, unless a filter has yet to see the whole.
static void half_lines(void **state)
{
	char line[] = "show run | include a", err[80], got[5][64];
	static struct screen s;
	struct filter f = {0};
	FILE *to = tmpfile();
	int before = dup(STDOUT_FILENO);

	(void)state;
	fflush(stdout);
	dup2(fileno(to), STDOUT_FILENO);
	screen_start(&s, 0, 80);
	snprintf(got[0], 64, "%s", printed(to, &s, &f, "Sending\n!"));
	snprintf(got[1], 64, "%s", printed(to, &s, &f, ".!"));
	snprintf(got[2], 64, "%s", printed(to, &s, &f, "\nSuccess"));
	screen_end(&s, &f);
	screen_start(&s, 0, 80);
	filter_parse(line, &f, err, sizeof(err));
	snprintf(got[3], 64, "%s", printed(to, &s, &f, "b\na"));
	snprintf(got[4], 64, "%s", printed(to, &s, &f, NULL));
	dup2(before, STDOUT_FILENO);
	close(before);
	fclose(to);
	assert_string_equal(got[0], "Sending\n!");
	assert_string_equal(got[1], "Sending\n!.!");
	assert_string_equal(got[2], "Sending\n!.!\nSuccess");
	assert_string_equal(got[3], "Sending\n!.!\nSuccess\n");
	assert_string_equal(got[4], "Sending\n!.!\nSuccess\na\n");
}

static void frames(void **state)
{
	struct frame_reader r;
	struct frame f;
	uint8_t bytes[64];
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(frame_reader_init(&r, 16), 0);
	frame_header(bytes, FRAME_LINE, 3);
	memcpy(bytes + FRAME_HEADER, "abc", 3);
	frame_header(bytes + 7, FRAME_HELP, 0);
	// In two pieces: nothing is there before the last byte.
	assert_int_equal(write(fd[1], bytes, 5), 5);
	assert_int_equal(frame_read(&r, fd[0]), 0);
	assert_int_equal(frame_next(&r, &f), 0);
	assert_int_equal(write(fd[1], bytes + 5, 6), 6);
	assert_int_equal(frame_read(&r, fd[0]), 0);
	assert_int_equal(frame_next(&r, &f), 1);
	assert_int_equal(f.type, FRAME_LINE);
	assert_int_equal(f.len, 3);
	assert_memory_equal(f.data, "abc", 3);
	assert_int_equal(frame_next(&r, &f), 1);
	assert_int_equal(f.type, FRAME_HELP);
	assert_int_equal(frame_next(&r, &f), 0);
	// The largest that is allowed, and one more.
	frame_header(bytes, FRAME_LINE, 16);
	assert_int_equal(write(fd[1], bytes, 20), 20);
	assert_int_equal(frame_read(&r, fd[0]), 0);
	assert_int_equal(frame_next(&r, &f), 1);
	frame_header(bytes, FRAME_LINE, 17);
	assert_int_equal(write(fd[1], bytes, 4), 4);
	assert_int_equal(frame_read(&r, fd[0]), 0);
	assert_int_equal(frame_next(&r, &f), -EPROTO);
	close(fd[1]);
	assert_int_equal(frame_read(&r, fd[0]), -EPIPE);
	close(fd[0]);
	frame_reader_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters),
		cmocka_unit_test(not_a_filter),
		cmocka_unit_test(filters_are_completed),
		cmocka_unit_test(half_lines),
		cmocka_unit_test(frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
