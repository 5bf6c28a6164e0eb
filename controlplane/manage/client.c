// vigil: the command line of a running vigild, over its Unix socket. With a terminal it edits lines
// (client_edit.c); without one it reads lines from standard input; with -c it runs commands and
// ends. One thread. Must not trust the server's text lengths; frame.c bounds them.
#include "client.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define SOCKET_PATH  "/run/vigil/vigil.sock"
#define COMMANDS_MAX 256
#define PART_MS      2000
#define NUL_SHOWN    '\x7f' // no command takes it, so that nothing behind a NUL is lost silently

volatile sig_atomic_t client_interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	client_interrupted = 1;
}

bool client_poll(struct pollfd *p, size_t n)
{
	sigset_t interrupt, before;

	for (size_t i = 0; i < n; i++)
		p[i].revents = 0;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &before);
	if (!client_interrupted)
		ppoll(p, n, NULL, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return !client_interrupted;
}

// ---- the socket

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

// Waits until the daemon has ended the session, and with it the configuration mode: the next script
// may begin at once. Not for ever, if the daemon has other sorrows.
static void part(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char rest[4096];

	shutdown(fd, SHUT_WR);
	while (poll(&p, 1, PART_MS) > 0 && recv(fd, rest, sizeof(rest), 0) > 0)
		;
	close(fd);
}

static void send_all(struct client *c, const void *data, size_t len)
{
	const char *from = data;

	while (len && !c->closed) {
		ssize_t n = send(c->fd, from, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			c->closed = true;
		if (n > 0) {
			from += n;
			len -= (size_t)n;
		}
	}
}

void client_send(struct client *c, enum frame_type type, const char *data, size_t len)
{
	uint8_t header[FRAME_HEADER];

	frame_header(header, type, len);
	send_all(c, header, sizeof(header));
	send_all(c, data, len);
}

// ---- frames

static void take_prompt(struct client *c, const struct frame *f)
{
	size_t n;

	if (f->len < FRAME_PROMPT_FIXED) {
		c->closed = true;
		return;
	}
	c->failed = f->data[0];
	c->ever_failed = c->ever_failed || c->failed;
	c->length = (uint16_t)(f->data[1] << 8 | f->data[2]);
	c->width = (uint16_t)(f->data[3] << 8 | f->data[4]);
	n = f->len - FRAME_PROMPT_FIXED;
	if (n >= sizeof(c->prompt))
		n = sizeof(c->prompt) - 1;
	memcpy(c->prompt, f->data + FRAME_PROMPT_FIXED, n);
	c->prompt[n] = '\0';
	c->prompted = true;
}

// Reads a line without echo from the terminal, or the next line of standard input.
static size_t read_secret(const struct client *c, const char *question, char *out, size_t size)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	struct termios old, quiet;
	size_t len = 0;
	char ch;

	if (c->tty) {
		tcgetattr(STDIN_FILENO, &old);
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		// What was typed before the question is no answer to it.
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		fputs(question, stdout);
		fflush(stdout);
	}
	while (client_poll(&p, 1) && read(STDIN_FILENO, &ch, 1) == 1 && ch != '\n')
		if (len < size - 1)
			out[len++] = ch;
	if (!c->tty && len && out[len - 1] == '\r')
		len--;
	out[len] = '\0';
	if (c->tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		putchar('\n');
	}
	return len;
}

static void answer_secret(struct client *c, const struct frame *f)
{
	char question[128], secret[256];
	size_t len;

	snprintf(question, sizeof(question), "%.*s", (int)f->len, (const char *)f->data);
	len = read_secret(c, question, secret, sizeof(secret));
	if (client_interrupted)
		client_send(c, FRAME_INTERRUPT, NULL, 0);
	else
		client_send(c, FRAME_SECRET, secret, len);
	client_interrupted = 0;
	explicit_bzero(secret, sizeof(secret));
}

static void say_goodbye(struct client *c, const struct frame *f)
{
	if (f->len)
		fprintf(stderr, "%.*s\n", (int)f->len, (const char *)f->data);
	else
		c->left = true;
	c->closed = true;
}

static void handle(struct client *c, const struct frame *f)
{
	switch (f->type) {
	case FRAME_TEXT:
		screen_put(&c->screen, &c->filter, (const char *)f->data, f->len);
		if (c->screen.quit && !client_interrupted)
			client_interrupted = 1;
		break;
	case FRAME_ERROR:
		screen_error(&c->screen, &c->filter, (const char *)f->data, f->len);
		break;
	case FRAME_LOG:
		c->log(c, (const char *)f->data, f->len);
		break;
	case FRAME_PROMPT:
		take_prompt(c, f);
		break;
	case FRAME_ASK:
		answer_secret(c, f);
		break;
	case FRAME_BYE:
		say_goodbye(c, f);
		break;
	default:
		break;
	}
}

int client_handle(struct client *c, enum frame_type wanted, struct frame *f)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int got;

	if (poll(&p, 1, 0) > 0 && frame_read(&c->in, c->fd) < 0)
		c->closed = true;
	while ((got = frame_next(&c->in, f)) > 0) {
		if (f->type == wanted)
			return 1;
		handle(c, f);
	}
	if (got < 0)
		c->closed = true;
	return 0;
}

// Sleeps until the socket is readable; passes Ctrl-C on.
static void wait_socket(struct client *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	fflush(stdout);
	if (client_interrupted) {
		client_interrupted = 0;
		client_send(c, FRAME_INTERRUPT, NULL, 0);
		c->screen.quit = c->screen.quit || c->shows;
	}
	client_poll(&p, 1);
}

bool client_wait(struct client *c, enum frame_type type, struct frame *f)
{
	while (!c->closed) {
		if (client_handle(c, type, f))
			return true;
		if (!c->closed)
			wait_socket(c);
	}
	return false;
}

// ---- lines

static void start_screen(struct client *c)
{
	struct winsize w = {0};
	unsigned rows = c->length, columns = c->width ? c->width : UINT_MAX;

	if (c->tty && isatty(STDOUT_FILENO))
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	else
		rows = 0;
	if (rows == FRAME_SIZE_OWN)
		rows = w.ws_row > 2 ? w.ws_row : 0;
	if (columns == FRAME_SIZE_OWN)
		columns = w.ws_col;
	screen_start(&c->screen, rows ? rows - 1 : 0, columns);
}

bool client_takes_text(const struct client *c)
{
	return !c->prompt[0];
}

static void await_prompt(struct client *c)
{
	struct frame f;

	while (!c->prompted && !c->closed) {
		client_handle(c, 0, &f);
		if (!c->prompted && !c->closed)
			wait_socket(c);
	}
}

void client_end_text(struct client *c)
{
	c->prompted = false;
	client_send(c, FRAME_INTERRUPT, NULL, 0);
	await_prompt(c);
}

void client_run(struct client *c, const char *line)
{
	char copy[FRAME_CLIENT_MAX], err[256];
	size_t len = strlen(line);

	if (len >= sizeof(copy)) {
		printf("%% Line too long\n");
		c->ever_failed = c->failed = true;
		return;
	}
	snprintf(copy, sizeof(copy), "%s", line);
	c->filter = (struct filter){0};
	if (!client_takes_text(c) && filter_parse(copy, &c->filter, err, sizeof(err)) < 0) {
		printf("%s\n", err);
		c->ever_failed = c->failed = true;
		return;
	}
	client_interrupted = 0;
	c->prompted = false;
	c->shows = !client_takes_text(c) && filter_allowed(line);
	start_screen(c);
	// The server takes no part in filtering, but remembers the whole line.
	if (strlen(copy) < len)
		copy[strlen(copy)] = '\n';
	client_send(c, FRAME_LINE, copy, len);
	await_prompt(c);
	screen_end(&c->screen, &c->filter);
	client_interrupted = 0;
}

static void plain_log(struct client *c, const char *text, size_t len)
{
	(void)c;
	fwrite(text, 1, len, stdout);
	fflush(stdout);
}

// One byte at a time, so that a password that is asked for is still there.
static bool read_line(struct client *c, char *line, size_t size)
{
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
	                      {.fd = c->fd, .events = POLLIN}};
	size_t len = 0;
	struct frame f;
	char ch = '\0';

	while (ch != '\n') {
		client_poll(p, 2);
		if (p[1].revents)
			client_handle(c, 0, &f);
		if (c->closed || client_interrupted)
			return false;
		if (!p[0].revents)
			continue;
		if (read(STDIN_FILENO, &ch, 1) != 1)
			break;
		if (ch != '\n' && len < size - 1)
			line[len++] = ch ? ch : NUL_SHOWN;
	}
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	return len || ch == '\n';
}

static bool in_crypto_map(const struct client *c)
{
	const char *mode = strchr(c->prompt, '(');

	return mode && !strcmp(mode, "(config-crypto-map)#");
}

// The end of the input leaves configuration mode, which is what applies the lines of a crypto map.
// But what may be half of an entry, after an error or Ctrl-C, is not applied, and that is said.
static int leave_configuration(struct client *c, bool complete)
{
	const char *mode = strchr(c->prompt, '(');

	if (!c->closed && client_takes_text(c)) {
		fprintf(stderr, "%% The text of the banner has no end\n");
		client_end_text(c);
		complete = false;
		mode = c->prompt;
	}
	if (c->closed || !mode)
		return 0;
	if (complete) {
		client_run(c, "end");
		return c->failed;
	}
	if (in_crypto_map(c))
		fprintf(stderr, "%% What was typed in the crypto map was not applied\n");
	return 1;
}

static int from_input(struct client *c)
{
	char line[FRAME_CLIENT_MAX];

	// Nothing that follows may apply a crypto map of which a line was wrong.
	while (!c->closed && !(c->failed && in_crypto_map(c)) && read_line(c, line, sizeof(line)))
		client_run(c, line);
	return leave_configuration(c, !client_interrupted && !c->ever_failed) || c->ever_failed;
}

// Commands of one -c: separated by a semicolon with a blank or nothing behind it.
static int from_argument(struct client *c, const char *text)
{
	char line[FRAME_CLIENT_MAX];
	size_t n;

	while (*text && !c->closed && !c->failed) {
		for (n = 0; text[n] && !(text[n] == ';' && (!text[n + 1] || text[n + 1] == ' '));
		     n++)
			;
		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		text += n + (text[n] == ';');
		text += strspn(text, " ");
		client_run(c, line);
	}
	return c->failed;
}

// ---- the program

static void usage(FILE *to)
{
	fprintf(to,
	        "usage: vigil [-s SOCKET] [-c COMMAND]...\n"
	        "  -s SOCKET   of the vigild to talk to (default %s)\n"
	        "  -c COMMAND  run this and end, in privileged mode for root and the daemon's\n"
	        "              user; several in order, also separated by '; '; ends at the\n"
	        "              first that fails, with status 1\n"
	        "  -h, --help  this text\n"
	        "Without -c, commands are read from the terminal or from standard input.\n",
	        SOCKET_PATH);
}

static bool start(struct client *c, const char *path, bool script)
{
	char flags = (char)((script ? FRAME_HELLO_SCRIPT : 0) | (c->tty ? FRAME_HELLO_TTY : 0));

	c->fd = connect_to(path);
	if (c->fd < 0) {
		fprintf(stderr, "vigil: %s: %s\n", path, strerror(errno));
		return false;
	}
	if (frame_reader_init(&c->in, FRAME_SERVER_MAX) < 0)
		return false;
	client_send(c, FRAME_HELLO, &flags, 1);
	await_prompt(c);
	return c->prompted;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct sigaction action = {.sa_handler = on_interrupt};
	const char *path = SOCKET_PATH, *commands[COMMANDS_MAX];
	struct client c = {.fd = -1, .log = plain_log};
	int n = 0, opt, status = 0;

	while ((opt = getopt_long(argc, argv, "s:c:h", options, NULL)) != -1) {
		if (opt == 's') {
			path = optarg;
		} else if (opt == 'c' && n < COMMANDS_MAX) {
			commands[n++] = optarg;
		} else {
			usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &action, NULL);
	c.tty = !n && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (!start(&c, path, n > 0))
		return 1;
	for (int i = 0; i < n && !status; i++)
		status = from_argument(&c, commands[i]);
	if (n && leave_configuration(&c, !status))
		status = 1;
	if (!n)
		status = c.tty ? client_edit(&c) : from_input(&c);
	if (c.tty && leave_configuration(&c, true))
		status = 1;
	// What was asked for last may be half done, and nothing after it was.
	if (c.closed && !c.left)
		status = 1;
	if (fflush(stdout) == EOF || ferror(stdout))
		status = 1;
	frame_reader_fini(&c.in);
	part(c.fd);
	return status;
}
