// A terminal's thread: reads its client's frames, runs lines, sends output. Helper thread. Must not
// trust the client: frames are bounded, a client that does not read for TIMEOUT_MS is dropped, and
// nobody waits for it.
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec.h"
#include "log_writer.h"
#include "secret.h"

#define TIMEOUT_MS  600000 // for a blocked write, and for a terminal at which nothing is typed
#define HELLO_MS    10000  // a client says who it is within this
#define FLUSH_BYTES 16384
#define LOG_BYTES   8192 // of log lines in one frame

// ---- the socket

// Reads what the client sends while a command runs: only an interrupt is in order.
static void read_early(struct session *s)
{
	struct frame f;
	int err = frame_read(&s->in, s->fd), got;

	if (err && err != -EAGAIN)
		s->gone = true;
	while ((got = frame_next(&s->in, &f)) > 0) {
		if (f.type == FRAME_INTERRUPT)
			s->interrupted = true;
		else
			s->gone = true;
	}
	if (got < 0)
		s->gone = true;
}

// Waits until the socket can be written to; at the prompt, where log lines are written, what the
// client sends is its next line, and waits. False: give up.
static bool wait_writable(struct session *s)
{
	struct pollfd p[2] = {{.fd = s->fd, .events = POLLOUT | POLLRDHUP},
	                      {.fd = s->m->stop_fd, .events = POLLIN}};
	int n;

	if (s->running)
		p[0].events |= POLLIN;
	n = poll(p, 2, TIMEOUT_MS);

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0 || p[1].revents)
		s->gone = true;
	else if (p[0].revents & (POLLERR | POLLHUP | POLLRDHUP))
		s->gone = true; // also where end_idle() says so
	else if (p[0].revents & POLLIN)
		read_early(s);
	return !s->gone;
}

static void send_all(struct session *s, const void *data, size_t len)
{
	const char *from = data;

	while (len && !s->gone) {
		ssize_t n = send(s->fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			from += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			s->gone = true;
		} else if (!wait_writable(s)) {
			return;
		}
	}
}

static void send_frame(struct session *s, enum frame_type type, const void *data, size_t len)
{
	uint8_t header[FRAME_HEADER];

	frame_header(header, type, len);
	send_all(s, header, sizeof(header));
	send_all(s, data, len);
}

static void send_text(struct session *s, enum frame_type type, const char *data, size_t len)
{
	while (len && !s->gone) {
		size_t n = len < FLUSH_BYTES ? len : FLUSH_BYTES;

		send_frame(s, type, data, n);
		data += n;
		len -= n;
	}
}

// ---- output

static void empty(struct text *t)
{
	if (t->data)
		secret_wipe(t->data, t->len);
	t->len = 0;
	t->failed = false;
}

bool session_flush(struct session *s)
{
	enum frame_type type = s->failed ? FRAME_ERROR : FRAME_TEXT;
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	if (s->running && poll(&p, 1, 0) > 0)
		read_early(s);
	if (!s->interrupted && s->out.failed)
		send_text(s, FRAME_ERROR, "% Out of memory\n", 16);
	else if (!s->interrupted && s->out.len)
		send_text(s, type, s->out.data, s->out.len);
	empty(&s->out);
	return !s->interrupted && !s->gone;
}

static __attribute__((format(printf, 2, 0))) void put(struct session *s, const char *fmt,
                                                      va_list ap)
{
	char *line = NULL;
	int n = vasprintf(&line, fmt, ap);

	if (n > 0)
		text_put(&s->out, line, (size_t)n);
	free(line);
	if (s->out.len >= FLUSH_BYTES)
		session_flush(s);
}

void session_printf(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(s, fmt, ap);
	va_end(ap);
}

void session_fail(struct session *s)
{
	if (s->out.len && !s->failed)
		session_flush(s);
	s->failed = true;
}

void session_error(struct session *s, const char *fmt, ...)
{
	va_list ap;

	session_fail(s);
	text_put(&s->out, "% ", 2);
	va_start(ap, fmt);
	put(s, fmt, ap);
	va_end(ap);
	text_put(&s->out, "\n", 1);
}

void session_prompt(struct session *s, char *out, size_t size)
{
	struct running *r = state_get(s->m);

	snprintf(out, size, "%s%s", r->config->hostname, command_mode_prompt(s->mode));
	state_put(s->m, r);
}

void session_point(struct session *s, const char *line, uint32_t column)
{
	char prompt[CONFIG_NAME + 32];

	session_prompt(s, prompt, sizeof(prompt));
	if (!s->tty)
		session_printf(s, "%s%s\n", prompt, line);
	if (column)
		session_printf(s, "%*s^\n", (int)(strlen(prompt) + column - 1), "");
}

// ---- the control core

void session_request(struct session *s, enum request_kind kind)
{
	s->request->kind = kind;
	s->request->filter = (struct request_filter){0};
	s->request->cursor = (struct request_cursor){0};
	s->request->debug_isakmp = s->request->debug_ipsec = REQUEST_KEEP;
	s->request->count = 0;
}

int session_ask(struct session *s)
{
	int err;

	if (s->out.len >= FLUSH_BYTES / 2 && !session_flush(s))
		return -EINTR;
	if (s->gone || s->interrupted)
		return -EINTR;
	err = request_submit(s->slot, s->request);
	if (err)
		session_error(s, "The gateway is stopping");
	return err;
}

int session_each(struct session *s, void (*fn)(void *arg, const struct view *v, struct text *out),
                 void *arg)
{
	int err;

	do {
		err = session_ask(s);
		for (unsigned i = 0; !err && i < s->request->n; i++)
			fn(arg, &s->request->views[i], &s->out);
		// Sent in time, so that a long list costs no memory and an interrupt is seen.
		if (!err && !session_flush(s))
			err = -EINTR;
	} while (!err && !s->request->end);
	return err;
}

// ---- asking the person

// Waits for one frame of any type. 1, or 0: gone.
static int wait_frame(struct session *s, struct frame *f, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN},
	                      {.fd = s->m->stop_fd, .events = POLLIN}};
	int n, err;

	while (!s->gone) {
		n = frame_next(&s->in, f);
		if (n > 0)
			return 1;
		if (n < 0)
			break;
		n = poll(p, 2, timeout_ms);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || p[1].revents)
			break;
		err = frame_read(&s->in, s->fd);
		if (err && err != -EAGAIN)
			break;
	}
	s->gone = true;
	return 0;
}

bool session_secret(struct session *s, const char *question, char *out, size_t size)
{
	struct frame f;

	if (!session_flush(s))
		return false;
	send_frame(s, FRAME_ASK, question, strlen(question));
	if (!wait_frame(s, &f, TIMEOUT_MS))
		return false;
	if (f.type == FRAME_INTERRUPT)
		s->interrupted = true;
	if (f.type != FRAME_SECRET || f.len >= size)
		return false;
	memcpy(out, f.data, f.len);
	out[f.len] = '\0';
	return true;
}

// ---- log lines

int session_monitor(struct session *s, bool on)
{
	if (on && !s->tap) {
		s->tap = log_tap_open(s->m->log);
		if (!s->tap)
			return -ENOMEM;
	} else if (!on && s->tap) {
		log_tap_close(s->m->log, s->tap);
		s->tap = NULL;
	}
	return 0;
}

// One frame's worth of what waits.
static void send_log(struct session *s)
{
	char line[LOG_STAMPED_MAX];
	struct text t = {0};
	uint64_t lost;
	bool have;

	do {
		have = log_tap_next(s->m->log, s->tap, line, &lost);
		if (lost)
			text_printf(&t,
			            "%% %llu log messages were lost: this terminal is too slow\n",
			            (unsigned long long)lost);
		if (have)
			text_printf(&t, "%s\n", line);
	} while (have && t.len < LOG_BYTES);
	if (t.len)
		send_frame(s, FRAME_LOG, t.data, t.len);
	text_fini(&t);
}

// ---- lines

static void remember(struct session *s, const char *line)
{
	char **place = &s->history[s->n_history % SESSION_HISTORY];

	if (line[strspn(line, " \t")] == '\0')
		return;
	free(*place);
	*place = strdup(line);
	s->n_history++;
}

static void send_prompt(struct session *s)
{
	uint8_t data[FRAME_PROMPT_FIXED + CONFIG_NAME + 32];
	char *prompt = (char *)data + FRAME_PROMPT_FIXED;

	data[0] = s->failed;
	data[1] = (uint8_t)(s->length >> 8);
	data[2] = (uint8_t)s->length;
	data[3] = (uint8_t)(s->width >> 8);
	data[4] = (uint8_t)s->width;
	prompt[0] = '\0';
	if (!configure_takes_text(s))
		session_prompt(s, prompt, sizeof(data) - FRAME_PROMPT_FIXED);
	send_frame(s, FRAME_PROMPT, data, FRAME_PROMPT_FIXED + strlen(prompt));
}

unsigned session_do_prefix(const struct session *s, const char *line)
{
	size_t lead = strspn(line, " \t");

	if (s->mode < MODE_CONFIG || strncmp(line + lead, "do", 2) != 0 ||
	    (line[lead + 2] != ' ' && line[lead + 2] != '\t'))
		return 0;
	return (unsigned)(lead + 2 + strspn(line + lead + 2, " \t"));
}

static void run_line(struct session *s, char *line)
{
	bool text = configure_takes_text(s);
	unsigned offset = text ? 0 : session_do_prefix(s, line);
	char *filter = strchr(line, '\n');

	if (filter)
		*filter = ' ';
	if (!text)
		remember(s, line);
	if (filter)
		*filter = '\0';
	atomic_store_explicit(&s->running, true, memory_order_relaxed); // only a hint to others
	s->interrupted = s->failed = false;
	if (offset)
		exec_line(s, MODE_EXEC, line, offset);
	else if (s->mode < MODE_CONFIG)
		exec_line(s, s->mode, line, 0);
	else
		configure_line(s, line);
	session_flush(s);
	atomic_store_explicit(&s->running, false, memory_order_relaxed);
	if (!s->gone)
		send_prompt(s);
}

// Answers a question about a line.
static void answer(struct session *s, enum frame_type type, const char *line,
                   void (*fn)(struct session *s, const char *line, struct text *out))
{
	struct text t = {0};

	fn(s, line, &t);
	send_frame(s, type, t.data, t.len < FRAME_SERVER_MAX ? t.len : FRAME_SERVER_MAX);
	text_fini(&t);
}

static void handle(struct session *s, const struct frame *f)
{
	char line[FRAME_CLIENT_MAX + 1];
	size_t n = f->len;

	memcpy(line, f->data, n);
	line[n] = '\0';
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	if (strlen(line) != n) {
		s->gone = true; // a NUL in a line
		return;
	}
	switch (f->type) {
	case FRAME_LINE:
		run_line(s, line);
		break;
	case FRAME_COMPLETE:
		answer(s, FRAME_WORDS, line, session_complete);
		break;
	case FRAME_HELP:
		answer(s, FRAME_HELP, line, session_help);
		break;
	case FRAME_INTERRUPT: // of the text of a banner; else it came when the command had ended
		if (configure_takes_text(s)) {
			configure_end_text(s);
			send_prompt(s);
		}
		break;
	case FRAME_SECRET:
		break;
	default:
		s->gone = true;
		break;
	}
	secret_wipe(line, sizeof(line));
}

// ---- life

static int64_t monotonic_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void note_input(struct session *s)
{
	// Relaxed: others only show it, and choose whom to end.
	atomic_store_explicit(&s->last_input, monotonic_seconds(), memory_order_relaxed);
}

static void hang_up(struct session *s, const char *why)
{
	send_frame(s, FRAME_BYE, why, strlen(why));
	s->gone = true;
}

void session_leave(struct session *s)
{
	session_flush(s);
	hang_up(s, "");
}

// IOS's exec-timeout: in configuration mode this comes first, and the session has ten minutes more.
static void timed_out(struct session *s)
{
	static const char left[] = "% Configuration mode left: nothing typed for ten minutes\n",
			  dropped[] = "% What was typed in the crypto map was not applied\n";
	bool waits = configure_waits(s);

	if (s->mode < MODE_CONFIG) {
		hang_up(s, "% Connection closed: nothing typed for ten minutes");
		return;
	}
	configure_leave(s);
	s->mode = MODE_EXEC;
	note_input(s);
	send_text(s, FRAME_LOG, left, sizeof(left) - 1);
	if (waits)
		send_text(s, FRAME_LOG, dropped, sizeof(dropped) - 1);
	send_prompt(s);
}

// Until the ten minutes are over, in ms. Log lines that go out meanwhile are no input.
static int time_left(const struct session *s)
{
	int64_t idle =
		monotonic_seconds() - atomic_load_explicit(&s->last_input, memory_order_relaxed);

	return idle < TIMEOUT_MS / 1000 ? TIMEOUT_MS - (int)idle * 1000 : 0;
}

// Waits for the client, log lines and the end; handles one of them.
static void wait_and_handle(struct session *s)
{
	struct pollfd p[3] = {{.fd = s->fd, .events = POLLIN},
	                      {.fd = s->m->stop_fd, .events = POLLIN},
	                      {.fd = s->tap ? log_tap_fd(s->tap) : -1, .events = POLLIN}};
	int left = time_left(s), n = poll(p, 3, left), err;
	struct frame f;

	if (n < 0 && errno == EINTR)
		return;
	if (n == 0) {
		timed_out(s);
		return;
	}
	if (n < 0 || p[1].revents) {
		s->gone = true;
		return;
	}
	if (p[2].revents)
		send_log(s);
	if (!p[0].revents && !left)
		timed_out(s);
	if (!p[0].revents)
		return;
	err = frame_read(&s->in, s->fd);
	if (err && err != -EAGAIN)
		hang_up(s, atomic_load_explicit(&s->displaced, memory_order_relaxed)
		                   ? "% Connection closed: another one needed its line"
		                   : "");
	while (!s->gone && (err = frame_next(&s->in, &f)) != 0) {
		if (err < 0) {
			s->gone = true;
			break;
		}
		note_input(s);
		handle(s, &f);
		note_input(s); // a long command is no idle time
	}
}

// Who is at the other end, by the kernel's word.
static void identify(struct session *s)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	struct passwd pw, *found = NULL;
	char buffer[4096];

	if (getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		peer.uid = (uid_t)-1;
	s->pid = peer.pid;
	s->trusted = peer.uid == 0 || peer.uid == geteuid();
	if (getpwuid_r(peer.uid, &pw, buffer, sizeof(buffer), &found) == 0 && found)
		snprintf(s->user, sizeof(s->user), "%s", pw.pw_name);
	else
		snprintf(s->user, sizeof(s->user), "uid %u", peer.uid);
}

static bool greet(struct session *s)
{
	struct frame f;

	if (!wait_frame(s, &f, HELLO_MS) || f.type != FRAME_HELLO || f.len != 1)
		return false;
	s->script = f.data[0] & FRAME_HELLO_SCRIPT;
	s->tty = f.data[0] & FRAME_HELLO_TTY;
	s->mode = s->script && s->trusted ? MODE_EXEC : MODE_EXEC_USER;
	send_prompt(s);
	return !s->gone;
}

static void session_end(struct session *s)
{
	if (s->mode >= MODE_CONFIG)
		configure_leave(s);
	session_monitor(s, false);
	for (unsigned i = 0; i < SESSION_HISTORY; i++)
		free(s->history[i]);
	if (s->slot)
		request_slot_put(s->slot);
	frame_reader_fini(&s->in);
	text_fini(&s->out);
	if (s->match)
		secret_wipe(s->match, sizeof(*s->match));
	free(s->match);
	free(s->request);
}

static void publish(struct manage *m, unsigned vty, struct session *s)
{
	pthread_mutex_lock(&m->lock);
	m->sessions[vty].session = s;
	pthread_mutex_unlock(&m->lock);
}

void session_main(struct manage *m, unsigned vty, int fd)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		close(fd);
		return;
	}
	*s = (struct session){
		.m = m, .fd = fd, .vty = vty, .length = FRAME_SIZE_OWN, .width = FRAME_SIZE_OWN};
	s->slot = request_slot_get(m->queue);
	s->request = calloc(1, sizeof(*s->request));
	s->match = calloc(1, sizeof(*s->match));
	clock_gettime(CLOCK_REALTIME, &s->started);
	note_input(s);
	identify(s);
	if (s->slot && s->request && s->match && !frame_reader_init(&s->in, FRAME_CLIENT_MAX)) {
		publish(m, vty, s);
		if (greet(s))
			while (!s->gone)
				wait_and_handle(s);
		publish(m, vty, NULL);
	}
	session_end(s);
	close(fd);
	free(s);
}
