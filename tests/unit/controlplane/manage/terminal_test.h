// A terminal of the command line's server over its real socket, in front of a gateway with fakes
// behind it.
#ifndef VIGIL_TESTS_TERMINAL_TEST_H
#define VIGIL_TESTS_TERMINAL_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frame.h"
#include "gateway.h"
#include "request.h"
#include "session.h"
#include "state.h"

#define WAIT_MS 20000

struct terminal {
	int fd;
	struct frame_reader in;
	char prompt[128];
	bool failed;     // the last command
	char log[65536]; // log lines so far
};

static struct gateway *g;

static inline int setup(void **state)
{
	(void)state;
	g = gateway_start(gateway_config);
	if (!g)
		return -1;
	gateway_traffic(g);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	gateway_stop(g);
	return 0;
}

static inline int raw_connect(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", g->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static inline void send_frame(int fd, enum frame_type type, const void *data, size_t len)
{
	uint8_t header[FRAME_HEADER];

	frame_header(header, type, len);
	send(fd, header, sizeof(header), MSG_NOSIGNAL);
	send(fd, data, len, MSG_NOSIGNAL);
}

// The next frame that is no log line. False: the server has closed.
static inline bool next_frame(struct terminal *t, struct frame *f)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};

	for (;;) {
		int got = frame_next(&t->in, f);

		assert_true(got >= 0);
		if (got && f->type == FRAME_LOG) {
			snprintf(t->log + strlen(t->log), sizeof(t->log) - strlen(t->log), "%.*s",
			         (int)f->len, (const char *)f->data);
			continue;
		}
		if (got)
			return f->type != FRAME_BYE;
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		if (frame_read(&t->in, t->fd) < 0)
			return false;
	}
}

static inline void take_prompt(struct terminal *t, const struct frame *f)
{
	assert_int_equal(f->type, FRAME_PROMPT);
	assert_true(f->len >= FRAME_PROMPT_FIXED);
	t->failed = f->data[0];
	snprintf(t->prompt, sizeof(t->prompt), "%.*s", (int)f->len - FRAME_PROMPT_FIXED,
	         (const char *)f->data + FRAME_PROMPT_FIXED);
}

// Until the session has ended: the next terminal may configure.
static inline void terminal_close(struct terminal *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	char rest[4096];

	shutdown(t->fd, SHUT_WR);
	while (poll(&p, 1, WAIT_MS) > 0 && recv(t->fd, rest, sizeof(rest), 0) > 0)
		;
	close(t->fd);
	frame_reader_fini(&t->in);
	free(t);
}

// NULL: there is no line for it.
static inline struct terminal *terminal_try(uint8_t flags)
{
	struct terminal *t = calloc(1, sizeof(*t));
	struct frame f;

	t->fd = raw_connect();
	frame_reader_init(&t->in, FRAME_SERVER_MAX);
	send_frame(t->fd, FRAME_HELLO, &flags, 1);
	if (next_frame(t, &f)) {
		take_prompt(t, &f);
		return t;
	}
	terminal_close(t);
	return NULL;
}

static inline struct terminal *terminal_open(uint8_t flags)
{
	struct terminal *t = terminal_try(flags);

	assert_non_null(t);
	return t;
}

// Output of a command up to the next prompt; valid until the next call.
static inline const char *run(struct terminal *t, const char *line)
{
	static char out[1 << 20];
	struct frame f;
	size_t n = 0;

	send_frame(t->fd, FRAME_LINE, line, strlen(line));
	out[0] = '\0';
	while (next_frame(t, &f)) {
		if (f.type != FRAME_TEXT && f.type != FRAME_ERROR) {
			take_prompt(t, &f);
			return out;
		}
		assert_true(n + f.len < sizeof(out));
		memcpy(out + n, f.data, f.len);
		n += f.len;
		out[n] = '\0';
	}
	return out;
}

// As if nothing had been typed at the only terminal in configuration mode, or with `all` at any,
// for this long.
static inline void be_idle(unsigned seconds, bool all)
{
	struct manage *m = request_queue_owner(g->c.requests);

	usleep(200000); // the last command's end, too, counts as input
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (m->sessions[i].session && (all || m->sessions[i].session == m->writer))
			atomic_fetch_sub(&m->sessions[i].session->last_input, seconds);
	pthread_mutex_unlock(&m->lock);
}

// Not inline: with sanitizers the compiler takes their checks for null pointers that are printed.
static __attribute__((noinline, unused)) void has(const char *out, const char *text)
{
	if (!strstr(out, text))
		print_error("no \"%s\" in:\n%s\n", text, out);
	assert_non_null(strstr(out, text));
}

static __attribute__((noinline, unused)) void lacks(const char *out, const char *text)
{
	if (strstr(out, text))
		print_error("\"%s\" is in:\n%s\n", text, out);
	assert_null(strstr(out, text));
}

static inline const char *ask(struct terminal *t, enum frame_type type, const char *line)
{
	static char out[65536];
	struct frame f;

	send_frame(t->fd, type, line, strlen(line));
	assert_true(next_frame(t, &f));
	snprintf(out, sizeof(out), "%.*s", (int)f.len, (const char *)f.data);
	return out;
}

static inline void many_lines(struct gateway *gw, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 500; i++)
		log_msg(&gw->c.log, LOG_NOTICE, "TEST", "FLOOD",
		        "Line %u of many, for a terminal that does not read them now", i);
}

// Its terminal is sent more log lines than its socket takes, and reads none.
static inline void flood(struct terminal *t)
{
	run(t, "terminal monitor");
	for (unsigned i = 0; i < 40; i++, usleep(10000))
		gateway_do(g, many_lines, NULL);
}

#endif
