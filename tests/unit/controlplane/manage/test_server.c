// The command line's server over its real socket, in front of a control core with fakes behind it:
// modes, live configuration, clear, debug; and clients that mean no good.
#include "terminal_test.h"

#include <sys/stat.h>

#include "addr.h"
#include "fake_dp.h"
#include "flow.h"
#include "peer.h"
#include "state.h"

// ---- what an operator does

// Checklist 2: prompts and modes.
static void modes(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_TTY);

	(void)state;
	assert_string_equal(t->prompt, "Router>");
	has(run(t, "configure terminal"), "% Invalid input detected at '^' marker.");
	assert_true(t->failed);
	run(t, "enable");
	assert_string_equal(t->prompt, "Router#");
	has(run(t, "conf t"), "Enter configuration commands, one per line.  End with CNTL/Z.");
	assert_string_equal(t->prompt, "Router(config)#");
	run(t, "crypto map test 1");
	assert_string_equal(t->prompt, "Router(config-crypto-map)#");
	has(run(t, "do show clock"), "UTC");
	run(t, "exit");
	assert_string_equal(t->prompt, "Router(config)#");
	run(t, "interface fa0");
	assert_string_equal(t->prompt, "Router(config-if)#");
	run(t, "end");
	assert_string_equal(t->prompt, "Router#");
	run(t, "disable");
	assert_string_equal(t->prompt, "Router>");
	has(run(t, "show history"), "  conf t\n");
	run(t, "exit");
	terminal_close(t);
}

// Checklist 2: the enable secret.
static void password(void **state)
{
	struct terminal *admin = terminal_open(FRAME_HELLO_SCRIPT), *t;
	struct frame f;

	(void)state;
	run(admin, "configure terminal");
	run(admin, "enable secret s3cret");
	assert_false(admin->failed);
	run(admin, "end");
	t = terminal_open(FRAME_HELLO_TTY);
	send_frame(t->fd, FRAME_LINE, "enable", 6);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(next_frame(t, &f));
		assert_int_equal(f.type, FRAME_ASK);
		send_frame(t->fd, FRAME_SECRET, "wrong", 5);
	}
	assert_true(next_frame(t, &f));
	assert_int_equal(f.type, FRAME_ERROR);
	has((const char *)f.data, "% Bad secrets");
	assert_true(next_frame(t, &f));
	take_prompt(t, &f);
	assert_string_equal(t->prompt, "Router>");
	send_frame(t->fd, FRAME_LINE, "enable", 6);
	assert_true(next_frame(t, &f));
	send_frame(t->fd, FRAME_SECRET, "s3cret", 6);
	assert_true(next_frame(t, &f));
	take_prompt(t, &f);
	assert_string_equal(t->prompt, "Router#");
	run(admin, "configure terminal");
	run(admin, "no enable secret");
	run(admin, "end");
	terminal_close(t);
	terminal_close(admin);
}

// Checklist 3, 4, 7: what is wrong is refused with a caret and changes nothing.
static void errors(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	const char *out;

	(void)state;
	has(run(t, "show nothing"), "Router#show nothing\n            ^\n");
	has(run(t, "show crypto"), "% Incomplete command.");
	has(run(t, "show c"), "% Ambiguous command:  \"show c\"");
	assert_true(t->failed);
	run(t, "configure terminal");
	out = run(t, "crypto isakmp keepalive 9");
	has(out, "Router(config)#crypto isakmp keepalive 9\n"
	         "                                       ^\n");
	has(out, "<10-3600>");
	assert_true(t->failed);
	// As in EXEC no caret where a word is missing, or has two meanings.
	out = run(t, "crypto isakmp keepalive");
	has(out, "% Incomplete command.\n% expected <10-3600>");
	lacks(out, "^");
	out = run(t, "crypto isakmp k");
	has(out, "% Ambiguous command:  \"crypto isakmp k\"\n% this may mean key, keepalive\n");
	lacks(out, "^");
	has(run(t, "do show running-config"), "\ncrypto isakmp keepalive 10 periodic\n");
	run(t, "crypto isakmp keepalive 10 3 on-demand");
	has(run(t, "do show running-config"), "\ncrypto isakmp keepalive 10 3\n");
	run(t, "crypto isakmp keepalive 10 periodic");
	run(t, "end");
	assert_false(t->failed);
	terminal_close(t);
}

static void help(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	assert_string_equal(ask(t, FRAME_COMPLETE, "show crypto is"), "isakmp\n");
	has(ask(t, FRAME_HELP, "show crypto "), "  session");
	has(ask(t, FRAME_HELP, "clear crypto session "), "  <cr>\n");
	run(t, "configure terminal");
	run(t, "crypto map test 1");
	has(ask(t, FRAME_HELP, "set "), "  transform-set");
	has(ask(t, FRAME_HELP, "do show crypto "), "  session");
	// A sub-mode understands global commands too.
	assert_string_equal(ask(t, FRAME_COMPLETE, "hostn"), "hostname\n");
	run(t, "end");
	terminal_close(t);
}

// The names of the interfaces that there are.
static void help_on_interfaces(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	assert_string_equal(ask(t, FRAME_HELP, "show interfaces "),
	                    "  description  State and description\n"
	                    "  IFNAME       Interface name\n"
	                    "  FastEthernet0\n  FastEthernet1\n  <cr>\n");
	assert_string_equal(ask(t, FRAME_HELP, "show interfaces fast"),
	                    "FastEthernet0  FastEthernet1\n");
	assert_string_equal(ask(t, FRAME_HELP, "show interfaces d"), "description\n");
	assert_string_equal(ask(t, FRAME_HELP, "show interfaces x"), "% Unrecognized command\n");
	assert_string_equal(ask(t, FRAME_COMPLETE, "show interfaces "),
	                    "description\nFastEthernet0\nFastEthernet1\n");
	assert_string_equal(ask(t, FRAME_COMPLETE, "show interfaces fastethernet1"),
	                    "FastEthernet1\n");
	run(t, "configure terminal");
	run(t, "interface fa1.7");
	assert_string_equal(ask(t, FRAME_COMPLETE, "do show interfaces FastEthernet1"),
	                    "FastEthernet1\nFastEthernet1.7\n");
	assert_string_equal(ask(t, FRAME_COMPLETE, "interface fa"),
	                    "FastEthernet0\nFastEthernet1\nFastEthernet1.7\n");
	assert_string_equal(ask(t, FRAME_HELP, "nonsense "), "% Unrecognized command\n");
	run(t, "no interface fa1.7");
	run(t, "end");
	terminal_close(t);
}

static void find_entry(struct gateway *gw, void *arg)
{
	bool *found = arg;

	*found = false;
	for (const struct crypto_entry *e = gw->c.entries; e; e = e->next)
		*found = *found || e->sequence == 30;
}

static bool entry_runs(void)
{
	bool found;

	gateway_do(g, find_entry, &found);
	return found;
}

// A crypto map's sub-mode is applied when it is left, other lines at once.
static void live_configuration(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	run(t, "hostname Changed");
	assert_string_equal(t->prompt, "Changed(config)#");
	run(t, "hostname Router");
	run(t, "access-list 130 permit ip 10.1.0.0 0.0.0.255 10.30.0.0 0.0.0.255");
	run(t, "crypto map test 30 ipsec-isakmp");
	run(t, "set peer 192.0.2.30");
	run(t, "set transform-set ts");
	run(t, "match address 130");
	assert_false(entry_runs());
	run(t, "exit");
	assert_true(entry_runs());
	has(run(t, "do show crypto map"), "Crypto Map IPv4 \"test\" 30 ipsec-isakmp");
	has(run(t, "do show crypto session"), "10.30.0.0");
	run(t, "no crypto map test 30");
	assert_false(entry_runs());
	// Two maps one after the other: the first is left by the second's line.
	run(t, "crypto map test 30 ipsec-isakmp");
	run(t, "set peer 192.0.2.30");
	run(t, "crypto map test 31 ipsec-isakmp");
	assert_true(entry_runs());
	run(t, "no crypto map test 31");
	run(t, "no crypto map test 30");
	run(t, "end");
	terminal_close(t);
}

// Who goes away in a crypto map leaves it as it was.
static void abandoned_map(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(t, "configure terminal");
	run(t, "crypto map test 30 ipsec-isakmp");
	run(t, "set peer 192.0.2.30");
	terminal_close(t);
	t = terminal_open(FRAME_HELLO_SCRIPT);
	for (unsigned i = 0; i < 100 && !strstr(run(t, "configure terminal"), "Enter"); i++)
		usleep(10000);
	assert_string_equal(t->prompt, "Router(config)#");
	lacks(run(t, "do show running-config"), "192.0.2.30");
	assert_false(entry_runs());
	run(t, "end");
	terminal_close(t);
}

static void one_writer(void **state)
{
	struct terminal *a = terminal_open(FRAME_HELLO_SCRIPT),
			*b = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	run(a, "configure terminal");
	has(run(b, "configure terminal"), "% Configuration mode is locked by ");
	assert_true(b->failed);
	assert_string_equal(b->prompt, "Router#");
	has(run(b, "show users"), "configuration");
	run(a, "end");
	run(b, "configure terminal");
	assert_string_equal(b->prompt, "Router(config)#");
	run(b, "end");
	terminal_close(a);
	terminal_close(b);
}

static void count_peers(struct gateway *gw, void *arg)
{
	unsigned *n = arg;

	*n = 0;
	for (uint32_t i = 0; i < gw->c.peers.made; i++) {
		const struct peer *p = slab_at(&gw->c.peers, i);

		*n += p && p->state == PEER_UP;
	}
}

static unsigned peers_up(void)
{
	unsigned n;

	gateway_do(g, count_peers, &n);
	return n;
}

// Checklist 37.
static void clear_session(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	gateway_traffic(g);
	assert_int_equal(peers_up(), 2);
	run(t, "clear crypto session remote 198.51.100.1");
	run(t, "clear crypto session remote 192.0.2.11 port 999");
	run(t, "clear crypto session local 192.0.2.2");
	assert_int_equal(peers_up(), 2);
	has(run(t, "clear crypto session fvrf blue"), "VRFs are not active in this version");
	assert_true(t->failed);
	assert_int_equal(peers_up(), 2);
	run(t, "clear crypto session remote 192.0.2.11 port 500");
	assert_int_equal(peers_up(), 1);
	lacks(run(t, "show crypto isakmp sa"), "192.0.2.11 ");
	run(t, "clear crypto session remote 192.0.2.13 local 192.0.2.2 port 500");
	assert_false(t->failed);
	assert_int_equal(peers_up(), 1);
	has(run(t, "show crypto session remote 192.0.2.13 port 500 local 192.0.2.1 brief"),
	    "192.0.2.13 ");
	has(run(t, "clear crypto session remote 192.0.2.13 remote 192.0.2.11"), "% Invalid input");
	run(t, "clear crypto session remote 192.0.2.13 port 500 local 192.0.2.1");
	assert_int_equal(peers_up(), 0);
	gateway_traffic(g);
	run(t, "clear crypto session remote 192.0.2.11");
	run(t, "clear crypto session local 192.0.2.1 port 500 remote 192.0.2.13 port 500");
	assert_int_equal(peers_up(), 0);
	gateway_traffic(g);
	assert_int_equal(peers_up(), 2);
	run(t, "clear crypto session");
	assert_int_equal(peers_up(), 0);
	assert_false(t->failed);
	terminal_close(t);
}

static void clear_sas(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	gateway_traffic(g);
	has(run(t, "show crypto session"), "UP-ACTIVE");
	run(t, "clear crypto sa");
	lacks(run(t, "show crypto session"), "UP-ACTIVE");
	has(run(t, "show crypto session"), "UP-IDLE");
	has(run(t, "clear crypto isakmp 4000000000"), "% There is no such connection");
	run(t, "clear crypto isakmp");
	lacks(run(t, "show crypto isakmp sa"), "QM_IDLE");
	gateway_traffic(g);
	has(run(t, "show crypto session"), "UP-ACTIVE");
	terminal_close(t);
}

// Checklist 38: who turns debugging on sees it, until all is turned off.
static void debug(void **state)
{
	struct terminal *t = terminal_open(0), *other = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	gateway_traffic(g);
	run(t, "enable");
	has(run(t, "debug crypto isakmp"), "Crypto ISAKMP debugging is on");
	has(run(other, "show debugging"), "Crypto ISAKMP debugging is on");
	run(other, "clear crypto session");
	for (unsigned i = 0; i < 100 && !strstr(t->log, "SESSION_STATUS"); i++)
		run(t, "show clock");
	has(t->log, "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is DOWN.");
	assert_string_equal(other->log, "");
	has(run(t, "undebug all"), "All possible debugging has been turned off");
	assert_string_equal(run(other, "show debugging"), "");
	run(t, "terminal no monitor");
	t->log[0] = '\0';
	gateway_traffic(g);
	run(t, "show clock");
	assert_string_equal(t->log, "");
	has(run(t, "show logging"), "Crypto tunnel is UP");
	terminal_close(t);
	terminal_close(other);
}

static void save(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	char path[128];
	struct stat st;

	(void)state;
	run(t, "configure terminal");
	run(t, "hostname Saved");
	run(t, "end");
	lacks(run(t, "show startup-config"), "hostname Saved");
	has(run(t, "copy running-config startup-config"), "[OK]");
	has(run(t, "show startup-config"), "hostname Saved");
	assert_int_equal(stat(g->startup, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s.bak", g->startup);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s.new", g->startup);
	assert_int_not_equal(stat(path, &st), 0);
	run(t, "configure terminal");
	run(t, "hostname Router");
	run(t, "end");
	has(run(t, "write"), "[OK]");
	terminal_close(t);
}

// The client is told how large the screen is to be.
static void terminal_size(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	struct frame f;

	(void)state;
	run(t, "terminal length 20");
	send_frame(t->fd, FRAME_LINE, "terminal width 300", 18);
	assert_true(next_frame(t, &f));
	take_prompt(t, &f);
	assert_memory_equal(f.data, "\0\0\24\1\54", FRAME_PROMPT_FIXED);
	terminal_close(t);
}

// What the one worker of the fake counts, changed on the control core's thread.
static void count_some(struct gateway *gw, void *arg)
{
	(void)gw;
	(void)arg;
	fake_counters[0] += 3;
	fake_counters[1] += 100;
	fake_worker.packets += 100;
	fake_worker.fill[4] += 10;
	fake_worker.busy_cycles += 70000;
	fake_worker.cycles += 700000;
}

// Clearing changes what is shown, and only that: the next three drops count from zero.
static void clear_counters(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	gateway_do(g, count_some, NULL);
	has(run(t, "show counters"), "                   3  drop no-route\n");
	has(run(t, "show platform workers"), " 100     10.0        700              3\n");
	has(run(t, "show platform workers 0 detail"), "100 packets in 10 receive bursts");
	has(run(t, "show platform workers 0 detail"), "                       3  drop no-route\n");
	has(run(t, "show platform control"), "with work");
	has(run(t, "show platform memory"), "  peers\n");
	has(run(t, "show platform ports"), "  ESP steering: rte_flow, 2 rules\n"
	                                   "    ESP over X: handoff (driver : no room)\n");
	has(run(t, "show platform workers 7"), "% There is no such worker");
	has(run(t, "clear counters fa7"), "% There is no port of this name");
	run(t, "clear counters fa0");
	assert_false(t->failed);
	has(run(t, "show interfaces fa0"), "counters 00:00:0");
	has(run(t, "show interfaces fa1"), "counters never");
	has(run(t, "show counters"), "                   3  drop no-route\n");
	run(t, "clear counters");
	assert_null(strstr(run(t, "show counters"), "drop no-route"));
	has(run(t, "show platform workers detail"), "0 packets in 0 receive bursts");
	has(run(t, "show interfaces fa1"), "counters 00:00:0");
	gateway_do(g, count_some, NULL);
	has(run(t, "show counters"), "                   3  drop no-route\n");
	has(run(t, "show platform workers"), " 100     10.0        700              3\n");
	has(run(t, "show logging"), "%CLEAR-5-COUNTERS: Clear counter on all interfaces by");
	terminal_close(t);
}

// ---- clients that mean no good

static void still_serves(void)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	has(run(t, "show clock"), "UTC");
	terminal_close(t);
}

// The server has ended the connection.
static void is_closed(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char sink[4096];
	ssize_t n;

	do {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = recv(fd, sink, sizeof(sink), 0);
	} while (n > 0);
	close(fd);
}

static void broken_frames(void **state)
{
	static const uint8_t huge[] = {'L', 0xff, 0xff, 0xff}, unknown[] = {'#', 0, 0, 0};
	static const char nul[] = "show\0clock";
	char line[FRAME_CLIENT_MAX];
	struct terminal *t;
	int fd = raw_connect();

	(void)state;
	send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
	is_closed(fd);
	t = terminal_open(0);
	send(t->fd, huge, sizeof(huge), MSG_NOSIGNAL);
	is_closed(dup(t->fd));
	terminal_close(t);
	t = terminal_open(0);
	send(t->fd, unknown, sizeof(unknown), MSG_NOSIGNAL);
	is_closed(dup(t->fd));
	terminal_close(t);
	t = terminal_open(0);
	send_frame(t->fd, FRAME_LINE, nul, sizeof(nul) - 1);
	is_closed(dup(t->fd));
	terminal_close(t);
	// The longest line that a frame takes is refused as a line.
	t = terminal_open(FRAME_HELLO_SCRIPT);
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	has(run(t, line), "%");
	assert_true(t->failed);
	memset(line, '?', sizeof(line) - 1);
	ask(t, FRAME_HELP, line);
	run(t, "configure terminal");
	run(t, line);
	assert_true(t->failed);
	terminal_close(t);
	still_serves();
}

static void many_counters(struct gateway *gw, void *arg)
{
	(void)arg;
	atomic_store(&gw->longest_us, 0);
}

// Clients that ask for much and read nothing, or go away in the middle: the control core's turns
// stay short, and others are served.
static void slow_readers(void **state)
{
	int fds[8], small = 1;
	uint8_t flags = FRAME_HELLO_SCRIPT;

	(void)state;
	gateway_do(g, many_counters, NULL);
	for (unsigned i = 0; i < 8; i++) {
		fds[i] = raw_connect();
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		send_frame(fds[i], FRAME_HELLO, &flags, 1);
		send_frame(fds[i], FRAME_LINE, "show counters all", 17);
		if (i & 1)
			close(fds[i]);
	}
	for (unsigned i = 0; i < 20; i++)
		still_serves();
	for (unsigned i = 0; i < 8; i += 2)
		close(fds[i]);
	still_serves();
	// Far from the 50 us of the design, since it is sanitized; far from a client's speed too.
	assert_true(atomic_load(&g->longest_us) < 100000);
}

// What is typed while log lines wait for the terminal is a line like any other.
static void line_during_a_flood(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);

	(void)state;
	flood(t);
	has(run(t, "show clock"), "UTC");
	has(run(t, "show users"), " vty ");
	terminal_close(t);
}

// A session that is the only one: those that were closed may still be ending.
static struct terminal *terminal_alone(void)
{
	struct terminal *t = NULL;
	const char *first;

	for (unsigned i = 0; i < 1000; i++, usleep(10000)) {
		t = t ? t : terminal_try(FRAME_HELLO_SCRIPT);
		first = t ? strstr(run(t, "show users"), " vty ") : NULL;
		if (first && !strstr(first + 1, " vty "))
			return t;
	}
	fail_msg("other sessions do not end");
	return NULL;
}

static void all_lines_in_use(void **state)
{
	struct terminal *t[SESSIONS_MAX];

	(void)state;
	t[0] = terminal_alone();
	for (unsigned i = 1; i < SESSIONS_MAX; i++)
		t[i] = terminal_open(0);
	assert_null(terminal_try(0));
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		terminal_close(t[i]);
	terminal_close(terminal_alone());
	still_serves();
}

static void answer_three(struct gateway *gw, void *arg)
{
	gw->c.dp->echo_answers = 3;
	*(struct dp_echo *)arg = gw->c.dp->echo;
}

static void pings(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	struct dp_echo sent;
	struct frame f;

	(void)state;
	gateway_do(g, answer_three, &sent);
	has(run(t, "ping 192.0.2.11 repeat 4 timeout 1 size 500 df-bit source FastEthernet0"),
	    "Sending 4, 500-byte ICMP Echos to 192.0.2.11, timeout is 1 seconds:\n"
	    "Packet sent with a source address of 192.0.2.1 \nPacket sent with the DF bit set\n"
	    "!!!.\nSuccess rate is 75 percent (3/4), round-trip min/avg/max = ");
	gateway_do(g, answer_three, &sent);
	assert_true(sent.df && sent.size == 500 && sent.src.bytes[0] == 192);
	has(run(t, "ping 192.0.2.11 source 192.0.2.99"), "Invalid source");
	has(run(t, "ping 192.0.2.11 size 35"), "% Invalid input");
	run(t, "ping 192.0.2.11 repeat 3");
	// Nobody answers any more, and nobody waits to the end.
	send_frame(t->fd, FRAME_LINE, "ping 192.0.2.11 timeout 60", 26);
	assert_true(next_frame(t, &f));
	send_frame(t->fd, FRAME_INTERRUPT, NULL, 0);
	do
		assert_true(next_frame(t, &f));
	while (f.type == FRAME_TEXT);
	take_prompt(t, &f);
	terminal_close(t);
}

// A command that is interrupted ends, and the session goes on.
static void interrupted(void **state)
{
	struct terminal *t = terminal_open(FRAME_HELLO_SCRIPT);
	struct frame f;

	(void)state;
	send_frame(t->fd, FRAME_LINE, "show running-config", 19);
	send_frame(t->fd, FRAME_INTERRUPT, NULL, 0);
	do
		assert_true(next_frame(t, &f));
	while (f.type == FRAME_TEXT);
	take_prompt(t, &f);
	has(run(t, "show clock"), "UTC");
	terminal_close(t);
}

// A session that saves on a disk that does not answer: the program ends all the same. Both are left
// behind.
static void end_while_a_session_hangs(void **state)
{
	struct manage *m = request_queue_owner(g->c.requests);
	struct terminal *t = terminal_open(FRAME_HELLO_TTY);
	struct timespec from, to;
	struct frame f;

	run(t, "enable");
	pthread_mutex_lock(&m->save_lock);
	send_frame(t->fd, FRAME_LINE, "write memory", 12);
	assert_true(next_frame(t, &f));
	assert_int_equal(strncmp((const char *)f.data, "Building configuration...", 25), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	gateway_stop(g);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec < 10);
	terminal_close(t);
	assert_int_equal(setup(state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(password),
		cmocka_unit_test(errors),
		cmocka_unit_test(help),
		cmocka_unit_test(help_on_interfaces),
		cmocka_unit_test(live_configuration),
		cmocka_unit_test(abandoned_map),
		cmocka_unit_test(one_writer),
		cmocka_unit_test(clear_counters),
		cmocka_unit_test(clear_session),
		cmocka_unit_test(clear_sas),
		cmocka_unit_test(debug),
		cmocka_unit_test(save),
		cmocka_unit_test(terminal_size),
		cmocka_unit_test(broken_frames),
		cmocka_unit_test(slow_readers),
		cmocka_unit_test(line_during_a_flood),
		cmocka_unit_test(all_lines_in_use),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(pings),
		cmocka_unit_test(end_while_a_session_hangs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
