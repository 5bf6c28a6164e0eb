// What becomes of terminals and of what was typed at them: subinterfaces that change under the
// counters, the two passwords, sessions that end or say nothing.
#include "terminal_test.h"

#include <pthread.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "fake_dp.h"

// The number of a subinterface's interface is used again: its counters begin afresh.
static void subinterface_counters(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	for (unsigned i = 10; i < 40; i++) { // more than there were interfaces at the start
		char line[64];

		snprintf(line, sizeof(line), "interface FastEthernet0.%u", i);
		run(t, line);
		snprintf(line, sizeof(line), "encapsulation dot1Q %u", i);
		run(t, line);
		assert_false(t->failed);
	}
	run(t, "do clear counters");
	has(run(t, "do show interfaces fa0.39"), "counters 00:00:0");
	has(run(t, "do show interfaces fa0.10"), "counters 00:00:0");
	run(t, "interface FastEthernet0.10");
	run(t, "encapsulation dot1Q 100");
	has(run(t, "do show interfaces fa0.10"), "counters never");
	has(run(t, "do show interfaces fa0.11"), "counters 00:00:0");
	for (unsigned i = 10; i < 40; i++) {
		char line[64];

		snprintf(line, sizeof(line), "no interface FastEthernet0.%u", i);
		run(t, line);
	}
	run(t, "end");
	terminal_close(t);
}

// The client's status, and what it says.
static int vigil(const char *arguments, char *said, size_t size)
{
	const char *program = getenv("VIGIL");
	char command[1024];
	size_t n;
	FILE *f;
	int status;

	if (!program)
		skip();
	snprintf(command, sizeof(command), "%s 2>&1 -s %s %s", program, g->socket, arguments);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(said, 1, size - 1, f);
	said[n] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void usage_when_asked(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(vigil("--help", said, sizeof(said)), 0);
	has(said, "usage: vigil ");
	assert_int_equal(vigil("-h", said, sizeof(said)), 0);
	assert_int_equal(vigil("--nonsense", said, sizeof(said)), 2);
}

// A filter is for what a command shows.
static void filters_hide_no_error(void **state)
{
	static const char *const lines[] = {"show foo | inc x",
	                                    "show crypto ipsec sa nonsense | inc caps",
	                                    "configure terminal; do show foo | count x"};
	char said[4096], arguments[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(arguments, sizeof(arguments), "-c '%s'", lines[i]);
		assert_int_equal(vigil(arguments, said, sizeof(said)), 1);
		has(said, "^\n% Invalid input detected at '^' marker.\n");
		lacks(said, "Number of lines");
	}
	assert_int_equal(vigil("-c 'show | inc x'", said, sizeof(said)), 1);
	has(said, "% Incomplete command.\n");
	assert_int_equal(vigil("-c 'show interfaces fa7 | exclude t'", said, sizeof(said)), 1);
	has(said, "% There is no port of this name\n");
	assert_int_equal(vigil("-c 'show interfaces fa0 | count MTU'", said, sizeof(said)), 0);
	assert_string_equal(said, "Number of lines which match regexp = 1\n");
}

// A daemon that prompts once, and goes while a command runs.
static void *goes_away(void *arg)
{
	static const uint8_t prompt[] = {'P', 0, 0, 7, 0, 0, 0, 0, 80, 'x', '#'};
	int fd = accept(*(int *)arg, NULL, NULL);
	char sink[64];

	if (send(fd, prompt, sizeof(prompt), MSG_NOSIGNAL) < 0 ||
	    recv(fd, sink, 5, MSG_WAITALL) < 0 || recv(fd, sink, sizeof(sink), 0) < 0)
		return NULL;
	close(fd);
	return NULL;
}

// The status is 0 only if all was run, or a command has left.
static void status_of_scripts(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char said[4096], arguments[256];
	pthread_t thread;
	int fd;

	(void)state;
	assert_int_equal(vigil("-c 'show clock' -c exit -c 'show nothing'", said, sizeof(said)), 0);
	assert_int_equal(
		vigil("<<'EOF'\nshow clock\nexit\nshow nothing\nEOF\n", said, sizeof(said)), 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.other", g->socket);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	unlink(addr.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, goes_away, &fd), 0);
	snprintf(arguments, sizeof(arguments), "-s %s -c 'show clock'", addr.sun_path);
	assert_int_equal(vigil(arguments, said, sizeof(said)), 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(fd);
	unlink(addr.sun_path);
}

// Lines that end as Windows ends them; a NUL takes nothing away silently.
static void lines_from_elsewhere(void **state)
{
	char said[4096], path[200], arguments[256];
	FILE *f;

	(void)state;
	assert_int_equal(
		vigil("<<'EOF'\nshow interfaces fa0 | count MTU\r\nEOF\n", said, sizeof(said)), 0);
	assert_string_equal(said, "Number of lines which match regexp = 1\n");
	snprintf(path, sizeof(path), "%s.lines", g->socket);
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite("show\0 clock\n", 1, 12, f);
	fclose(f);
	snprintf(arguments, sizeof(arguments), "< %s", path);
	assert_int_equal(vigil(arguments, said, sizeof(said)), 1);
	unlink(path);
	lacks(said, "UTC");
}

// `show history` shows lines as they were typed.
static void history_has_the_filters(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(vigil("-c 'show startup | i host' -c 'show history'", said, sizeof(said)),
	                 0);
	assert_string_equal(said, "hostname Router\n  show startup | i host\n  show history\n");
}

// A script that ends in a crypto map has left it; one that ends with an error applies no half
// entry.
static void script_ends_in_a_crypto_map(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	char said[4096];

	(void)state;
	assert_int_equal(vigil("-c 'configure terminal; crypto map test 1; set peer 192.0.2.40'",
	                       said, sizeof(said)),
	                 0);
	has(run(t, "show running-config"), "set peer 192.0.2.40");
	assert_int_equal(
		vigil("-c 'configure terminal; crypto map test 1' -c 'set peer 192.0.2.41' "
	              "-c 'set peer'",
	              said, sizeof(said)),
		1);
	has(said, "% What was typed in the crypto map was not applied");
	lacks(run(t, "show running-config"), "set peer 192.0.2.41");
	has(run(t, "show logging"), "in crypto map test 1 was not applied");
	assert_int_equal(vigil("<<'EOF'\nenable\nconfigure terminal\ncrypto map test 1\n"
	                       "no set peer 192.0.2.40\nEOF\n",
	                       said, sizeof(said)),
	                 0);
	lacks(run(t, "show running-config"), "set peer 192.0.2.40");
	assert_int_equal(vigil("<<'EOF'\nenable\nconfigure terminal\ncrypto map test 1\n"
	                       "set peer 192.0.2.43\nset peer 300.1.1.1\nend\nEOF\n",
	                       said, sizeof(said)),
	                 1);
	has(said, "% What was typed in the crypto map was not applied");
	lacks(run(t, "show running-config"), "set peer 192.0.2.43");
	terminal_close(t);
}

// What is pasted below a line that was refused, by the parser or because it does not fit the rest,
// changes nothing of the block before it.
static void lines_below_a_refused_one(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	run(t, "crypto map test 1 ipsec-isakmp");
	has(run(t, "crypto ipsec profile P"), "% Not active");
	has(run(t, " set pfs group5"), "% Not applied: the line that it stands below was refused");
	assert_true(t->failed);
	has(run(t, "crypto map ipv6 test 5 ipsec-isakmp"), "with and without 'ipv6'");
	has(run(t, " set peer 192.0.2.77"), "% Not applied");
	run(t, "set peer 192.0.2.78");
	assert_false(t->failed);
	run(t, "no set peer 192.0.2.78");
	run(t, "end");
	lacks(run(t, "show running-config"), "group5");
	lacks(run(t, "show running-config"), "192.0.2.77");
	terminal_close(t);
}

// Who names a log file hears that it cannot be written, and the log says so.
static void log_file_that_cannot_be_written(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	has(run(t, "logging file /nonexistent/dir/x.log"),
	    "% Warning: Cannot write log file /nonexistent/dir/x.log: No such file or directory\n");
	assert_false(t->failed);
	lacks(run(t, "hostname Router"), "Cannot write");
	has(run(t, "do show logging"),
	    "%SYS-3-LOGFILE: Cannot write log file /nonexistent/dir/x.log");
	lacks(run(t, "no logging file"), "Cannot write");
	run(t, "end");
	terminal_close(t);
}

// What is typed as the text of a banner is not run, whatever it looks like.
static void banner_is_no_command(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	struct frame f;

	(void)state;
	run(t, "configure terminal");
	has(run(t, "banner motd ^C"),
	    "% Ignored\nEnter TEXT message.  End with the character '^C'.");
	assert_string_equal(t->prompt, "");
	assert_string_equal(run(t, "no crypto map test"), "");
	assert_string_equal(run(t, "do show clock"), "");
	assert_string_equal(run(t, "exit"), "");
	assert_string_equal(run(t, ""), "");
	assert_string_equal(run(t, "! ^C and what stands behind it"), "");
	assert_string_equal(t->prompt, "Router(config)#");
	has(run(t, "do show running-config"), "crypto map test 1");
	lacks(run(t, "do show history"), "no crypto map test");
	lacks(run(t, "banner login #hello#"), "Enter TEXT");
	assert_string_equal(t->prompt, "Router(config)#");
	has(run(t, "banner exec \003hello"), "'^C'");
	run(t, "\003");
	assert_string_equal(t->prompt, "Router(config)#");
	run(t, "banner motd #");
	send_frame(t->fd, FRAME_INTERRUPT, NULL, 0); // gives it up
	assert_true(next_frame(t, &f));
	take_prompt(t, &f);
	assert_string_equal(t->prompt, "Router(config)#");
	has(run(t, "do show clock"), "UTC");
	run(t, "end");
	terminal_close(t);
}

// The client neither filters a text, nor takes its end for that of the banner.
static void banner_from_a_script(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(vigil("<<'EOF'\nenable\nconfigure terminal\nbanner motd #\n"
	                       "show users | nonsense\nhostname other\n#\nEOF\n",
	                       said, sizeof(said)),
	                 0);
	lacks(said, "Expected");
	assert_int_equal(vigil("-c 'show running-config | include hostname'", said, sizeof(said)),
	                 0);
	assert_string_equal(said, "hostname Router\n");
	assert_int_equal(vigil("<<'EOF'\nenable\nconfigure terminal\nbanner motd #\n"
	                       "hostname other\nEOF\n",
	                       said, sizeof(said)),
	                 1);
	has(said, "% The text of the banner has no end");
}

// A script that ends in configuration mode is no obstacle to the next one.
static void script_after_script(void **state)
{
	char said[4096];

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(
			vigil("<<'EOF'\nenable\nconfigure terminal\nEOF\n", said, sizeof(said)), 0);
		lacks(said, "locked");
	}
}

static void saved_within_a_crypto_map(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	run(t, "crypto map test 1");
	lacks(run(t, "do write memory"), "not applied");
	run(t, "set peer 192.0.2.42");
	has(run(t, "do write memory"), "% What was typed in this crypto map is not applied");
	lacks(run(t, "do show startup-config"), "192.0.2.42");
	run(t, "no set peer 192.0.2.42");
	run(t, "end");
	terminal_close(t);
}

// Log lines on the terminal are not what somebody types.
static void log_lines_are_no_input(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT),
			*other = terminal_open(FRAME_HELLO_SCRIPT);
	struct frame f;

	(void)state;
	run(t, "terminal monitor");
	run(t, "configure terminal");
	run(t, "crypto map test 1");
	run(t, "set peer 192.0.2.42");
	run(other, "clear counters");
	has(run(t, "do show clock"), "UTC");
	assert_string_equal(t->prompt, "Router(config-crypto-map)#");
	be_idle(599, false);
	run(other, "clear counters");
	be_idle(1, false);
	run(other, "clear counters");
	assert_true(next_frame(t, &f));
	take_prompt(t, &f);
	assert_string_equal(t->prompt, "Router#");
	has(t->log, "% Configuration mode left: nothing typed for ten minutes\n"
	            "% What was typed in the crypto map was not applied\n");
	lacks(run(t, "show running-config"), "192.0.2.42");
	terminal_close(t);
	terminal_close(other);
}

// What an SA has, not what later ones will have.
static void replay_window_of_an_sa(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	gateway_traffic(g);
	run(t, "configure terminal");
	run(t, "crypto ipsec security-association replay window-size 1024");
	has(run(t, "do show crypto ipsec sa"), "replay detection support: Y\n");
	lacks(run(t, "do show crypto ipsec sa"), "replay window size");
	run(t, "crypto ipsec security-association replay disable");
	lacks(run(t, "do show crypto ipsec sa"), "replay detection support: N");
	run(t, "no crypto ipsec security-association replay disable");
	run(t, "end");
	terminal_close(t);
}

static void unreachable(struct gateway *gw, void *arg)
{
	gw->c.dp->unreachable = *(bool *)arg;
}

// Nobody is waited for, but neither is the control core asked without a pause.
static void ping_without_a_route(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	struct timespec began, ended;
	bool yes = true, no = false;

	(void)state;
	gateway_do(g, unreachable, &yes);
	clock_gettime(CLOCK_MONOTONIC, &began);
	has(run(t, "ping 192.0.2.11 repeat 500"), "Success rate is 0 percent (0/500)");
	clock_gettime(CLOCK_MONOTONIC, &ended);
	gateway_do(g, unreachable, &no);
	assert_true((ended.tv_sec - began.tv_sec) * 1000 +
	                    (ended.tv_nsec - began.tv_nsec) / 1000000 >=
	            1000);
	terminal_close(t);
}

// The gateway's own addresses answer as long as their interface is up.
static void ping_of_own_addresses(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	has(run(t, "ping 10.1.0.1"), "\n!!!!!\nSuccess rate is 100 percent (5/5), round-trip ");
	has(run(t, "ping 10.1.0.1 source fa0 repeat 71"),
	    "!\n!\nSuccess rate is 100 percent (71/71)");
	run(t, "configure terminal");
	run(t, "interface fa1");
	run(t, "shutdown");
	has(run(t, "do ping 10.1.0.1 repeat 1 timeout 1"), "\n.\nSuccess rate is 0 percent (0/1)");
	run(t, "no shutdown");
	run(t, "end");
	terminal_close(t);
}

// Ctrl-C ends a ping, which says then what it has learned.
static void ping_is_interrupted(void **state)
{
	char command[512], said[4096];
	size_t n;
	FILE *f;

	(void)state;
	if (!getenv("VIGIL"))
		skip();
	snprintf(command, sizeof(command),
	         "timeout -s INT 1 %s -s %s -c 'ping 192.0.2.11 timeout 60' 2>&1", getenv("VIGIL"),
	         g->socket);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	pclose(f);
	has(said, "timeout is 60 seconds:\n\nSuccess rate is 0 percent (0/1)\n");
}

// Ten minutes without input end a session.
static void idle_sessions_end(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT), *other;
	struct frame f;

	(void)state;
	run(t, "terminal monitor");
	be_idle(600, true);
	other = terminal_open(FRAME_HELLO_SCRIPT);
	run(other, "clear counters");
	assert_false(next_frame(t, &f));
	assert_int_equal(f.type, FRAME_BYE);
	assert_non_null(memmem(f.data, f.len, "nothing typed for ten minutes", 29));
	terminal_close(t);
	terminal_close(other);
}

// Where all lines are taken, the one that is idle longest goes; who types or configures stays.
static void idle_sessions_make_room(void **state)
{
	struct terminal *t[SESSIONS_MAX], *extra = NULL;
	struct frame f;

	(void)state;
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		for (unsigned k = 0; !(t[i] = terminal_try(FRAME_HELLO_SCRIPT)) && k < 1000; k++)
			usleep(10000); // others are still ending
	run(t[0], "configure terminal");
	be_idle(100, true);
	for (unsigned i = 2; i < SESSIONS_MAX; i++)
		run(t[i], "show clock");
	extra = terminal_try(FRAME_HELLO_SCRIPT);
	assert_non_null(extra);
	assert_false(next_frame(t[1], &f));
	assert_non_null(memmem(f.data, f.len, "another one needed its line", 27));
	assert_null(terminal_try(FRAME_HELLO_SCRIPT));
	has(run(t[0], "do show clock"), "UTC");
	run(t[0], "end");
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		terminal_close(t[i]);
	terminal_close(extra);
}

// ... also one that waits until its terminal reads log lines.
static void stuck_session_makes_room(void **state)
{
	struct terminal *t[SESSIONS_MAX], *extra;

	(void)state;
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		for (unsigned k = 0; !(t[i] = terminal_try(FRAME_HELLO_SCRIPT)) && k < 1000; k++)
			usleep(10000); // others are still ending
	flood(t[1]);
	be_idle(100, true);
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (i != 1)
			run(t[i], "show clock");
	extra = terminal_try(FRAME_HELLO_SCRIPT);
	assert_non_null(extra);
	has(run(extra, "show clock"), "UTC");
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		terminal_close(t[i]);
	terminal_close(extra);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subinterface_counters),
		cmocka_unit_test(log_lines_are_no_input),
		cmocka_unit_test(replay_window_of_an_sa),
		cmocka_unit_test(ping_without_a_route),
		cmocka_unit_test(ping_of_own_addresses),
		cmocka_unit_test(ping_is_interrupted),
		cmocka_unit_test(idle_sessions_end),
		cmocka_unit_test(idle_sessions_make_room),
		cmocka_unit_test(stuck_session_makes_room),
		cmocka_unit_test(usage_when_asked),
		cmocka_unit_test(filters_hide_no_error),
		cmocka_unit_test(status_of_scripts),
		cmocka_unit_test(lines_from_elsewhere),
		cmocka_unit_test(history_has_the_filters),
		cmocka_unit_test(script_ends_in_a_crypto_map),
		cmocka_unit_test(lines_below_a_refused_one),
		cmocka_unit_test(log_file_that_cannot_be_written),
		cmocka_unit_test(banner_is_no_command),
		cmocka_unit_test(banner_from_a_script),
		cmocka_unit_test(script_after_script),
		cmocka_unit_test(saved_within_a_crypto_map),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
