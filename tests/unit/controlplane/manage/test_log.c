// The log: lines and their order, overflow that is counted and told, destinations, and those of
// them that stand still.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "log_ring.h"
#include "log_writer.h"
#include "text.h"

static void ring_is_bounded(void **state)
{
	const struct log_entry *e;
	struct log_ring r;
	char line[16];

	(void)state;
	assert_int_equal(log_ring_init(&r, 8), 0);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(line, sizeof(line), "line %u", i);
		assert_int_equal(log_ring_push(&r, LOG_NOTICE, line), i < 8);
	}
	assert_int_equal(atomic_load(&r.lost), 4);
	for (unsigned i = 0; i < 8; i++) {
		e = log_ring_peek(&r);
		assert_non_null(e);
		snprintf(line, sizeof(line), "line %u", i);
		assert_string_equal(e->line, line);
		log_ring_pop(&r);
	}
	assert_null(log_ring_peek(&r));
	assert_true(log_ring_push(&r, LOG_NOTICE, "again"));
	assert_string_equal(log_ring_peek(&r)->line, "again");
	log_ring_fini(&r);
}

static void lines_evict_the_oldest(void **state)
{
	struct text t = {0};
	struct lines l;
	char out[8];

	(void)state;
	assert_int_equal(lines_init(&l, 16), 0);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(out, sizeof(out), "aaaa%u", i); // six bytes each with the newline
		assert_true(lines_push(&l, out, true));
	}
	assert_int_equal(l.count, 2);
	lines_copy(&l, &t);
	assert_string_equal(t.data, "aaaa3\naaaa4\n");
	text_fini(&t);
	assert_false(lines_push(&l, "bbbbb", false));
	assert_true(lines_pop(&l, out, sizeof(out)));
	assert_string_equal(out, "aaaa3");
	assert_true(lines_push(&l, "bbbbb", false));
	assert_false(lines_push(&l, "longer than the ring", true));
	assert_true(lines_pop(&l, out, 3));
	assert_string_equal(out, "aa");
	assert_true(lines_pop(&l, out, sizeof(out)));
	assert_false(lines_pop(&l, out, sizeof(out)));
	lines_fini(&l);
}

struct world {
	struct log log;
	struct config *config;
	char file[64];
};

static struct world *world_with_console(uint32_t buffered, int8_t console)
{
	struct world *w = calloc(1, sizeof(*w));
	int fd;

	snprintf(w->file, sizeof(w->file), "/tmp/vigil-log-XXXXXX");
	fd = mkstemp(w->file);
	close(fd);
	unlink(w->file);
	w->config = config_create();
	w->config->logging.console = console;
	w->config->logging.buffered = buffered;
	snprintf(w->config->logging.file, sizeof(w->config->logging.file), "%s", w->file);
	assert_int_equal(log_writer_start(&w->log, w->config), 0);
	return w;
}

static struct world *world_create(uint32_t buffered)
{
	return world_with_console(buffered, -1);
}

static void world_destroy(struct world *w)
{
	unlink(w->file);
	config_free(w->config);
	free(w);
}

static char *file_text(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void destinations(void **state)
{
	struct world *w = world_create(4096);
	struct log_writer_stats s;
	struct log_tap *tap = log_tap_open(&w->log);
	struct pollfd p = {.fd = log_tap_fd(tap), .events = POLLIN};
	char line[LOG_STAMPED_MAX];
	struct text t = {0};
	unsigned month_day;
	uint64_t lost;

	(void)state;
	log_msg(&w->log, LOG_NOTICE, "CRYPTO", "SESSION_STATUS", "Crypto tunnel is UP\033[2J");
	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_true(log_tap_next(&w->log, tap, line, &lost));
	assert_int_equal(lost, 0);
	// "*Mar 25 15:17:14.131: ", and nothing that a terminal would obey.
	assert_int_equal(line[0], '*');
	assert_int_equal(sscanf(line + 4, "%u", &month_day), 1);
	assert_string_equal(line + strlen("*Mar 25 15:17:14.131: "),
	                    "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is UP.[2J");
	assert_false(log_tap_next(&w->log, tap, line, &lost));
	assert_int_equal(poll(&p, 1, 0), 0);
	log_tap_close(&w->log, tap);
	log_writer_history(&w->log, &t);
	assert_non_null(strstr(t.data, "Crypto tunnel is UP"));
	text_fini(&t);
	log_writer_stats(&w->log, &s);
	assert_int_equal(s.logged, 1);
	assert_int_equal(s.buffered, 1);
	assert_string_equal(s.file_error, "");
	log_writer_stop(&w->log);
	assert_non_null(strstr(file_text(w->file), "Crypto tunnel is UP"));
	world_destroy(w);
}

static void *log_many(void *arg)
{
	struct world *w = arg;

	for (unsigned i = 0; i < 1000; i++)
		log_msg(&w->log, LOG_INFO, "TEST", "HELPER", "line %u", i);
	return NULL;
}

// Lines of one thread stay in order, whatever other threads log; what is lost is told.
static void threads_and_losses(void **state)
{
	struct world *w = world_create(0);
	unsigned control = 0, helper = 0, lost = 0, n;
	pthread_t t;
	int next = 0;
	char *at;

	(void)state;
	pthread_create(&t, NULL, log_many, w);
	for (unsigned i = 0; i < 20000; i++)
		log_msg(&w->log, LOG_INFO, "TEST", "CONTROL", "line %u", i);
	pthread_join(t, NULL);
	log_writer_stop(&w->log);
	for (char *line = strtok_r(file_text(w->file), "\n", &at); line;
	     line = strtok_r(NULL, "\n", &at)) {
		if (strstr(line, "%SYS-4-LOGLOST") &&
		    sscanf(strstr(line, "LOST: "), "LOST: %u", &n))
			lost += n;
		helper += strstr(line, "%TEST-6-HELPER") != NULL;
		if (!strstr(line, "%TEST-6-CONTROL"))
			continue;
		control++;
		assert_int_equal(sscanf(strstr(line, "line "), "line %u", &n), 1);
		assert_true((int)n >= next);
		next = (int)n + 1;
	}
	assert_int_equal(control + helper + lost, 21000);
	world_destroy(w);
}

// A terminal that does not read loses lines and is told how many; nobody else does.
static void slow_terminal(void **state)
{
	struct world *w = world_create(0);
	struct log_tap *tap = log_tap_open(&w->log);
	struct log_writer_stats s;
	char line[LOG_STAMPED_MAX], text[256];
	uint64_t lost, told = 0, got = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < 3000; i++) {
		log_msg(&w->log, LOG_INFO, "TEST", "LONG", "%s", text);
		if (i % 500 == 0)
			usleep(20000);
	}
	do {
		usleep(1000);
		log_writer_stats(&w->log, &s);
	} while (s.logged < 3000);
	while (log_tap_next(&w->log, tap, line, &lost)) {
		told += lost;
		got++;
	}
	assert_int_equal(s.lost, 0);
	assert_true(told > 0);
	assert_int_equal(got + told, 3000);
	log_tap_close(&w->log, tap);
	log_writer_stop(&w->log);
	world_destroy(w);
}

// Waits until so many lines were written.
static void wait_logged(struct world *w, uint64_t lines)
{
	struct log_writer_stats s = {0};

	for (unsigned i = 0; i < 10000 && s.logged < lines; i++) {
		usleep(1000);
		log_writer_stats(&w->log, &s);
	}
	assert_int_equal(s.logged, lines);
}

// ... and to the file.
static void wait_in_file(struct world *w, uint64_t lines)
{
	struct log_writer_stats s = {0};

	for (unsigned i = 0; i < 10000 && s.file_lines < lines; i++) {
		usleep(1000);
		log_writer_stats(&w->log, &s);
	}
	assert_int_equal(s.file_lines, lines);
}

// A moved file is opened again (logrotate), and new destinations hold at once.
static void file_is_followed(void **state)
{
	struct world *w = world_create(0);
	struct config_logging l = w->config->logging;
	struct log_writer_stats s;
	char moved[80];

	(void)state;
	log_msg(&w->log, LOG_INFO, "TEST", "ONE", "first");
	wait_in_file(w, 1);
	snprintf(moved, sizeof(moved), "%s.1", w->file);
	assert_int_equal(rename(w->file, moved), 0);
	log_msg(&w->log, LOG_INFO, "TEST", "TWO", "second");
	wait_in_file(w, 2);
	assert_non_null(strstr(file_text(moved), "first"));
	assert_null(strstr(file_text(moved), "second"));
	assert_non_null(strstr(file_text(w->file), "second"));
	unlink(moved);
	snprintf(l.file, sizeof(l.file), "/nonexistent/log");
	l.buffered = 4096;
	assert_int_equal(log_writer_configure(&w->log, &l), 0);
	log_msg(&w->log, LOG_INFO, "TEST", "THREE", "third");
	wait_logged(w, 4); // and that the file cannot be written
	log_writer_stats(&w->log, &s);
	assert_string_not_equal(s.file_error, "");
	assert_int_equal(s.buffered, 2);
	log_writer_clear(&w->log);
	log_writer_stats(&w->log, &s);
	assert_int_equal(s.buffered, 0);
	log_writer_stop(&w->log);
	world_destroy(w);
}

static unsigned times(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

// A file that cannot be written is told to the other destinations, once for each failure.
static void file_that_cannot_be_written(void **state)
{
	static const char told[] = "%SYS-3-LOGFILE: Cannot write log file ";
	struct world *w = world_create(4096);
	struct config_logging l = w->config->logging;
	struct log_writer_stats s;
	struct text t = {0};

	(void)state;
	snprintf(l.file, sizeof(l.file), "/nonexistent/log");
	assert_int_equal(log_writer_configure(&w->log, &l), 0);
	l.buffered = 8192; // the same file
	assert_int_equal(log_writer_configure(&w->log, &l), 0);
	for (unsigned i = 0; i < 3; i++)
		log_msg(&w->log, LOG_INFO, "TEST", "LINE", "%u", i);
	wait_logged(w, 4);
	snprintf(l.file, sizeof(l.file), "/dev/full"); // which opens, but takes nothing
	assert_int_equal(log_writer_configure(&w->log, &l), 0);
	for (unsigned i = 0; i < 3; i++) {
		log_msg(&w->log, LOG_INFO, "TEST", "LINE", "%u", i);
		usleep(20000);
	}
	wait_logged(w, 8);
	log_writer_history(&w->log, &t);
	assert_int_equal(times(t.data, told), 2);
	assert_non_null(strstr(t.data, "log file /nonexistent/log: No such file or directory\n"));
	assert_non_null(strstr(t.data, "log file /dev/full: No space left on device\n"));
	text_fini(&t);
	assert_int_equal(log_writer_configure(&w->log, &w->config->logging), 0);
	log_writer_stats(&w->log, &s);
	assert_string_equal(s.file_error, "");
	log_writer_stop(&w->log);
	world_destroy(w);
}

#ifndef __SANITIZE_ADDRESS__ // which has more memory reserved than any limit

// Without memory for it the buffer stays as it was, and is not said to be another.
static void buffer_that_does_not_fit(void **state)
{
	struct config_logging l;
	struct rlimit before, little;
	struct log_writer_stats s;
	struct world *w;

	(void)state;
	w = world_create(4096);
	l = w->config->logging;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	little = (struct rlimit){1u << 30, before.rlim_max};
	l.buffered = 2147483647;
	assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
	assert_int_equal(log_writer_configure(&w->log, &l), -ENOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	log_writer_stats(&w->log, &s);
	assert_int_equal(s.logging.buffered, 4096);
	l.buffered = 8192;
	assert_int_equal(log_writer_configure(&w->log, &l), 0);
	log_writer_stats(&w->log, &s);
	assert_int_equal(s.logging.buffered, 8192);
	log_writer_stop(&w->log);
	world_destroy(w);
}

#endif

// ---- what stands still -------------------------------------------------------------------------

#define MANY 1000u

static int saved_stderr;

static void take_stderr(int fd)
{
	saved_stderr = dup(STDERR_FILENO);
	assert_true(saved_stderr >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	alarm(60); // what hangs here would hang for ever
}

static void give_stderr_back(void)
{
	alarm(0);
	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
	close(saved_stderr);
}

// 60 to 140 bytes each, and its end shows whether it is whole.
static void log_lengths(struct world *w)
{
	char filler[81];

	memset(filler, 'x', sizeof(filler));
	for (unsigned i = 0; i < MANY; i++)
		log_msg(&w->log, LOG_INFO, "TEST", "LINE", "%u %.*s.", i, (int)(20 + i % 80),
		        filler);
}

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

// All that there is to read.
static size_t read_all(int fd, char *text, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	while (len < size - 1 && poll(&p, 1, 200) == 1) {
		ssize_t n = read(fd, text + len, size - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return len;
}

// Lines that begin with a time stamp and end with a full stop.
static unsigned whole_lines(char *text)
{
	unsigned n = 0;
	char *at;

	for (char *line = strtok_r(text, "\r\n", &at); line; line = strtok_r(NULL, "\r\n", &at)) {
		assert_int_equal(line[0], '*');
		assert_int_equal(times(line, "%TEST-6-LINE: "), 1);
		assert_int_equal(line[strlen(line) - 1], '.');
		n++;
	}
	return n;
}

// What reaches the console does so whole, however little room there was when it was begun.
static void console_of(int in, int out)
{
	static char text[128 << 10];
	struct log_writer_stats s;
	struct world *w;
	time_t from;
	size_t len;

	take_stderr(in);
	close(in);
	w = world_with_console(4096, LOG_DEBUGGING);
	log_lengths(w);
	wait_in_file(w, MANY);
	log_writer_stats(&w->log, &s);
	assert_int_equal(s.console_lines + s.console_lost, MANY);
	assert_true(s.console_lines > 0 && s.console_lost > 0);
	len = read_all(out, text, sizeof(text));
	log_msg(&w->log, LOG_INFO, "TEST", "LINE", "the last.");
	wait_in_file(w, MANY + 1);
	read_all(out, text + len, sizeof(text) - len);
	assert_non_null(strstr(text, "the last."));
	assert_int_equal(whole_lines(text), s.console_lines + 1);
	log_lengths(w);
	from = seconds_now();
	log_writer_stop(&w->log);
	assert_true(seconds_now() - from < 10);
	assert_int_equal(times(file_text(w->file), "%TEST-6-LINE: "), 2 * MANY + 1);
	give_stderr_back();
	world_destroy(w);
}

// A terminal whose reader stands still, perhaps one that is stopped by Ctrl-S.
static void terminal_that_nobody_reads(void **state)
{
	int master, terminal;

	(void)state;
	assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
	console_of(terminal, master);
	close(master);
}

static void pipe_that_nobody_reads(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	console_of(ends[1], ends[0]);
	close(ends[0]);
}

// systemd's journal gives a service a socket, which cannot be opened anew.
static void socket_that_nobody_reads(void **state)
{
	int ends[2], room = 4096;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	console_of(ends[1], ends[0]);
	close(ends[0]);
}

// Standard error may be a file that was written to before and is written to by others: nobody
// writes over anybody's.
static void console_that_is_a_file(void **state)
{
	char path[] = "/tmp/vigil-log-XXXXXX", *text;
	int fd = mkstemp(path);
	struct world *w;

	(void)state;
	take_stderr(fd);
	close(fd);
	fprintf(stderr, "before\n");
	w = world_with_console(0, LOG_DEBUGGING);
	log_msg(&w->log, LOG_INFO, "TEST", "LINE", "within.");
	wait_in_file(w, 1);
	fprintf(stderr, "behind\n");
	log_writer_stop(&w->log);
	give_stderr_back();
	text = file_text(path);
	assert_int_equal(strncmp(text, "before\n*", 8), 0);
	assert_non_null(strstr(text, "within.\nbehind\n"));
	unlink(path);
	world_destroy(w);
}

static _Atomic bool files_hang;
static sem_t never;

ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __real_write(int fd, const void *data, size_t len);

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	struct stat st;

	if (atomic_load(&files_hang) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while (sem_wait(&never))
			;
	return __real_write(fd, data, len);
}

// A file on a server that is away: the buffer, `show logging`, new destinations and the end do not
// wait for it. The thread hangs from here on.
static void file_that_hangs(void **state)
{
	struct world *w = world_create(65536);
	struct config_logging l = w->config->logging;
	struct log_writer_stats s;
	struct text t = {0};
	time_t from = seconds_now();

	(void)state;
	alarm(60);
	sem_init(&never, 0, 0);
	atomic_store(&files_hang, true);
	log_msg(&w->log, LOG_INFO, "TEST", "LINE", "kept");
	wait_logged(w, 1);
	log_writer_history(&w->log, &t);
	assert_non_null(strstr(t.data, "kept"));
	text_fini(&t);
	l.buffered = 8192;
	assert_int_equal(log_writer_configure(&w->log, &l), 0);
	log_writer_stats(&w->log, &s);
	assert_int_equal(s.logging.buffered, 8192);
	log_writer_stop(&w->log);
	log_msg(&w->log, LOG_INFO, "TEST", "LINE", "too late");
	assert_true(seconds_now() - from < 10);
	atomic_store(&files_hang, false);
	alarm(0);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_is_bounded),
		cmocka_unit_test(lines_evict_the_oldest),
		cmocka_unit_test(destinations),
		cmocka_unit_test(threads_and_losses),
		cmocka_unit_test(slow_terminal),
		cmocka_unit_test(file_is_followed),
		cmocka_unit_test(file_that_cannot_be_written),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(buffer_that_does_not_fit),
#endif
		cmocka_unit_test(terminal_that_nobody_reads),
		cmocka_unit_test(pipe_that_nobody_reads),
		cmocka_unit_test(socket_that_nobody_reads),
		cmocka_unit_test(console_that_is_a_file),
		cmocka_unit_test(file_that_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
