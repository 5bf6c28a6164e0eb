// The command engine with a table of its own: abbreviations, places of errors, completion, help.
#include "config_test.h"

#include "command.h"

static struct {
	char name[32];
	char text[256];
	bool no;
	unsigned n_args;
} ran;

static int remember(struct command_call *call)
{
	ran.no = call->no;
	ran.n_args = call->n_args;
	snprintf(ran.text, sizeof(ran.text), "%s", (const char *)call->user);
	for (unsigned i = 0; i < call->n_args; i++) {
		size_t len = strlen(ran.text);

		snprintf(ran.text + len, sizeof(ran.text) - len, " %s=%s", call->args[i].name,
		         call->args[i].text);
	}
	return 0;
}

static int refuse(struct command_call *call)
{
	return command_fail(call, command_arg(call, "port"), "port %s is taken",
	                    command_text(call, "port"));
}

static const struct command_word words[] = {
	{"seconds", "Number of seconds"},
	{"periodic", "Ask on schedule"},
	{NULL, NULL},
};

// Item 37 is the syntax of `clear crypto session`.
static const struct command table[] = {
	{MODE_EXEC, "show crypto session [brief|detail]", NULL, remember, NULL},
	{MODE_EXEC, "show crypto isakmp sa [detail]", NULL, remember, NULL},
	{MODE_EXEC, "show version", NULL, remember, NULL},
	{MODE_EXEC, "shutdown", "", remember, NULL},
	{MODE_EXEC, "debug crypto {isakmp|ipsec}", "", remember, NULL},
	{MODE_EXEC,
         "clear crypto session [local local_ip:A.B.C.D [port local_port:<1-65535>]] "
         "[remote remote_ip:A.B.C.D [port remote_port:<1-65535>]]",
         NULL, remember, NULL},
	{MODE_EXEC, "keepalive seconds:<10-3600> [retry:<2-60>] [periodic|on-demand]", "keepalive",
         remember, words},
	{MODE_EXEC, "list {name:WORD<1-4>}+", NULL, remember, NULL},
	{MODE_EXEC, "say text:LINE", NULL, remember, NULL},
	{MODE_EXEC, "on interface:IFNAME [brief]", NULL, remember, NULL},
	{MODE_EXEC, "listen port:<1-65535>", NULL, refuse, NULL},
	{MODE_EXEC_USER, "enable", NULL, remember, NULL},
};

static int setup(void **state)
{
	struct command_set *set = command_set_create();

	assert_non_null(set);
	assert_int_equal(command_set_add(set, table, sizeof(table) / sizeof(table[0])), 0);
	*state = set;
	return 0;
}

static int teardown(void **state)
{
	command_set_free(*state);
	return 0;
}

static enum command_status parse(void **state, const char *line, uint32_t *column, char *expected)
{
	struct command_match m;

	command_parse(*state, MODE_EXEC, line, &m);
	if (column)
		*column = m.column;
	if (expected)
		snprintf(expected, COMMAND_ERROR, "%s", m.expected);
	return m.status;
}

static void assert_runs(void **state, const char *line, const char *args)
{
	struct command_call call;
	struct command_match m;

	command_parse(*state, MODE_EXEC, line, &m);
	assert_int_equal(m.status, COMMAND_OK);
	assert_int_equal(command_run(&m, "", &call), 0);
	assert_string_equal(ran.text, args);
}

static void abbreviations(void **state)
{
	assert_runs(state, "show crypto session", " show=show crypto=crypto session=session");
	assert_runs(state, "sho cry ses b", " show=show crypto=crypto session=session brief=brief");
	assert_runs(state, "  SHOW\tVER  ", " show=show version=version");
	assert_int_equal(parse(state, "sh ver", NULL, NULL), COMMAND_AMBIGUOUS);
	assert_int_equal(parse(state, "", NULL, NULL), COMMAND_EMPTY);
	assert_int_equal(parse(state, "show crypto i sa", NULL, NULL), COMMAND_OK);
}

static void places_of_errors(void **state)
{
	char expected[COMMAND_ERROR];
	uint32_t column;

	assert_int_equal(parse(state, "show crypto sessions", &column, expected), COMMAND_INVALID);
	assert_int_equal(column, 13);
	assert_string_equal(expected, "session, isakmp");
	assert_int_equal(parse(state, "show crypto session brief x", &column, expected),
	                 COMMAND_INVALID);
	assert_int_equal(column, 27);
	assert_string_equal(expected, "end of line");
	assert_int_equal(parse(state, "show crypto", &column, expected), COMMAND_INCOMPLETE);
	assert_int_equal(column, 12);
	assert_int_equal(parse(state, "nothing", &column, NULL), COMMAND_INVALID);
	assert_int_equal(column, 1);
}

// Only what the word may be short for is named, also where the whole line is yet to come.
static void ambiguous_words(void **state)
{
	char expected[COMMAND_ERROR];
	uint32_t column;

	assert_int_equal(parse(state, "sh", &column, expected), COMMAND_AMBIGUOUS);
	assert_int_equal(column, 1);
	assert_string_equal(expected, "show, shutdown");
	assert_int_equal(parse(state, "no debug crypto i", &column, expected), COMMAND_AMBIGUOUS);
	assert_int_equal(column, 17);
	assert_string_equal(expected, "isakmp, ipsec");
	assert_int_equal(parse(state, "l 5", NULL, expected), COMMAND_AMBIGUOUS);
	assert_string_equal(expected, "list, listen");
}

static void ranges_and_ordered_options(void **state)
{
	char expected[COMMAND_ERROR];
	uint32_t column;

	assert_runs(state, "keepalive 10", " keepalive=keepalive seconds=10");
	assert_runs(state, "keepalive 3600 60 per",
	            " keepalive=keepalive seconds=3600 retry=60 periodic=periodic");
	assert_runs(state, "keepalive 10 on",
	            " keepalive=keepalive seconds=10 on-demand=on-demand");
	assert_int_equal(parse(state, "keepalive 9", &column, expected), COMMAND_INVALID);
	assert_int_equal(column, 11);
	assert_string_equal(expected, "<10-3600> (Number of seconds)");
	assert_int_equal(parse(state, "keepalive 10 61", &column, expected), COMMAND_INVALID);
	assert_int_equal(column, 14);
	assert_string_equal(expected, "<2-60>, periodic, on-demand, end of line");
	assert_int_equal(parse(state, "keepalive 10 periodic 20", NULL, NULL), COMMAND_INVALID);
	assert_int_equal(parse(state, "keepalive 99999999999999999999", NULL, NULL),
	                 COMMAND_INVALID);
	assert_int_equal(parse(state, "keepalive -10", NULL, NULL), COMMAND_INVALID);
}

static void no_forms(void **state)
{
	assert_runs(state, "no keepalive", " no=no keepalive=keepalive");
	assert_true(ran.no);
	assert_runs(state, "no keepalive 10 20", " no=no keepalive=keepalive seconds=10 retry=20");
	assert_runs(state, "no debug crypto isakmp",
	            " no=no debug=debug crypto=crypto isakmp=isakmp");
	assert_runs(state, "debug crypto ipsec", " debug=debug crypto=crypto ipsec=ipsec");
	assert_false(ran.no);
	assert_int_equal(parse(state, "no show version", NULL, NULL), COMMAND_INVALID);
}

static void item_37_clear_crypto_session(void **state)
{
	char expected[COMMAND_ERROR];
	uint32_t column;

	assert_runs(state, "clear crypto session", " clear=clear crypto=crypto session=session");
	assert_runs(state, "clear crypto session remote 10.0.0.1 port 4500",
	            " clear=clear crypto=crypto session=session remote=remote remote_ip=10.0.0.1 "
	            "port=port remote_port=4500");
	assert_runs(state, "clear cry ses local 10.1.1.1 remote 10.0.0.1",
	            " clear=clear crypto=crypto session=session local=local local_ip=10.1.1.1 "
	            "remote=remote remote_ip=10.0.0.1");
	assert_int_equal(parse(state, "clear crypto session remote 10.0.0", &column, expected),
	                 COMMAND_INVALID);
	assert_int_equal(column, 29);
	assert_string_equal(expected, "A.B.C.D");
}

static void repetition_and_lengths(void **state)
{
	assert_runs(state, "list a b c", " list=list name=a name=b name=c");
	assert_int_equal(parse(state, "list abcde", NULL, NULL), COMMAND_INVALID);
	assert_int_equal(parse(state, "list", NULL, NULL), COMMAND_INCOMPLETE);
	assert_runs(state, "say  hello   world ", " say=say text=hello   world");
}

static void interface_names(void **state)
{
	assert_runs(state, "on FastEthernet 0/1", " on=on interface=FastEthernet0/1");
	assert_runs(state, "on fa0", " on=on interface=FastEthernet0");
	assert_runs(state, "on gi0/0.100 brief",
	            " on=on interface=GigabitEthernet0/0.100 brief=brief");
	assert_runs(state, "on wan", " on=on interface=wan");
	assert_int_equal(parse(state, "on fa", NULL, NULL), COMMAND_INVALID);
	assert_int_equal(parse(state, "on 0fa", NULL, NULL), COMMAND_INVALID);
}

static void handler_errors_have_a_place(void **state)
{
	struct command_call call;
	struct command_match m;

	command_parse(*state, MODE_EXEC, "listen 80", &m);
	assert_int_equal(command_run(&m, NULL, &call), -EINVAL);
	assert_string_equal(call.error, "port 80 is taken");
	assert_int_equal(call.error_column, 8);
}

static void collect(void *arg, const char *word)
{
	char *out = arg;

	strcat(out, word);
	strcat(out, ",");
}

static void completion(void **state)
{
	char out[512] = "";

	assert_int_equal(command_complete(*state, MODE_EXEC, "sho", collect, out), 1);
	assert_string_equal(out, "show,");
	out[0] = '\0';
	assert_int_equal(command_complete(*state, MODE_EXEC, "show ", collect, out), 2);
	assert_string_equal(out, "crypto,version,");
	out[0] = '\0';
	assert_int_equal(command_complete(*state, MODE_EXEC, "sho cry s", collect, out), 1);
	assert_string_equal(out, "session,");
	out[0] = '\0';
	assert_int_equal(command_complete(*state, MODE_EXEC, "keepalive 10 ", collect, out), 2);
	assert_string_equal(out, "on-demand,periodic,");
	assert_int_equal(command_complete(*state, MODE_EXEC, "nothing ", collect, out), 0);
	assert_int_equal(command_complete(*state, MODE_EXEC_USER, "show ", collect, out), 0);
}

static void assert_help(void **state, const char *line, const char *expected)
{
	struct text out = {0};

	command_help(*state, MODE_EXEC, line, &out);
	assert_string_equal(out.data, expected);
	text_fini(&out);
}

static void help(void **state)
{
	assert_help(state, "keepalive ", "  <10-3600>  Number of seconds\n");
	assert_help(state, "keepalive 10 ",
	            "  <2-60>\n  on-demand\n  periodic   Ask on schedule\n  <cr>\n");
	assert_help(state, "sh", "show  shutdown\n");
	assert_help(state, "zz", "% Unrecognized command\n");
	assert_help(state, "show version ", "  <cr>\n");
}

static void ios_error_texts(void **state)
{
	struct text out = {0};
	struct command_match m;

	command_parse(*state, MODE_EXEC, "show crypto x", &m);
	command_error(&m, "show crypto x", 7, &out);
	assert_string_equal(out.data, "                   ^\n"
	                              "% Invalid input detected at '^' marker.\n");
	text_fini(&out);
	command_parse(*state, MODE_EXEC, "sh", &m);
	command_error(&m, "sh", 7, &out);
	assert_string_equal(out.data, "% Ambiguous command:  \"sh\"\n");
	text_fini(&out);
	command_parse(*state, MODE_EXEC, "show", &m);
	command_error(&m, "show", 7, &out);
	assert_string_equal(out.data, "% Incomplete command.\n");
	text_fini(&out);
}

static void long_lines_are_refused(void **state)
{
	char line[COMMAND_LINE + 100];

	memset(line, 'a', COMMAND_LINE + 99);
	line[COMMAND_LINE + 99] = '\0';
	assert_int_equal(parse(state, line, NULL, NULL), COMMAND_TOO_LONG);
	for (unsigned i = 0; i < 2 * (COMMAND_WORDS + 1); i++)
		line[i] = i % 2 ? ' ' : 'a';
	line[2 * (COMMAND_WORDS + 1)] = '\0';
	assert_int_equal(parse(state, line, NULL, NULL), COMMAND_TOO_LONG);
	memcpy(line, "say ", 4);
	memset(line + 4, 'b', COMMAND_LINE - 5);
	line[COMMAND_LINE - 1] = '\0';
	assert_int_equal(parse(state, line, NULL, NULL), COMMAND_OK);
	// What a LINE takes may be any number of words.
	memset(line, ' ', COMMAND_LINE - 1);
	for (unsigned i = 0; i < 500; i++)
		line[4 + 2 * i] = 'c';
	memcpy(line, "say", 3);
	assert_int_equal(parse(state, line, NULL, NULL), COMMAND_OK);
}

static void bad_syntax_strings(void **state)
{
	static const char *const bad[] = {"",    "a [b",        "a b]",          "a {b|c",
	                                  "[a]", "a n:<1-x>",   "a n:NUMBER",    "{a|[b]}",
	                                  "a }", "a b:WORD<1>", "port port:WORD"};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct command_set *set = command_set_create();
		struct command command = {MODE_EXEC, bad[i], NULL, remember, NULL};

		assert_int_equal(command_set_add(set, &command, 1), -EINVAL);
		command_set_free(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(abbreviations),
		cmocka_unit_test(places_of_errors),
		cmocka_unit_test(ambiguous_words),
		cmocka_unit_test(ranges_and_ordered_options),
		cmocka_unit_test(no_forms),
		cmocka_unit_test(item_37_clear_crypto_session),
		cmocka_unit_test(repetition_and_lengths),
		cmocka_unit_test(interface_names),
		cmocka_unit_test(handler_errors_have_a_place),
		cmocka_unit_test(completion),
		cmocka_unit_test(help),
		cmocka_unit_test(ios_error_texts),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(bad_syntax_strings),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
