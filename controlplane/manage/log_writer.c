// The log's writer thread and its destinations. The sink runs on the thread that logs and must not
// block: the control core's lines go through a ring without locks, and the thread is woken at most
// once for each time that it went to sleep. A destination that does not keep up loses lines, which
// are counted and told; it never holds up who logs.
#include "log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "log_ring.h"
#include "text.h"

#define CONTROL_ENTRIES 4096
#define HELPER_ENTRIES  256
#define TAP_BYTES       (256 << 10)
#define BATCH_BYTES     (64 << 10) // of the file, written at once
#define DRAIN_LINES     256
#define FILE_MODE       0640
#define NAP_MS          1000 // look at least so often whether the file was moved away

struct log_tap {
	struct log_tap *next;
	struct lines lines;
	uint64_t lost;
	int fd;
};

struct log_writer {
	struct log_ring control; // producer: the control core
	struct log_ring helpers; // producers: other threads, one at a time under helper_lock
	pthread_mutex_t helper_lock;
	pthread_t control_thread;
	cpu_set_t cpus;
	// Odd while the thread sleeps. Writer: the writer thread.
	_Atomic uint32_t nap;
	uint32_t control_woke, helpers_woke; // the nap that this producer ended; its own
	_Atomic bool stop;                   // writer: log_writer_stop()
	sem_t wake;
	pthread_t thread;

	pthread_mutex_t lock; // all below; never taken on the control core
	struct log_writer_stats stats;
	struct lines buffer;
	struct log_tap *taps;
	struct text batch; // for the file
	int file;          // -1 = none
	bool file_told;    // that it cannot be written
	struct stat file_stat;
};

static struct log_writer *writer_of(const struct log *log)
{
	return log->arg;
}

// Wakes the thread if it sleeps and this producer has not woken it from this nap.
static void wake(struct log_writer *w, uint32_t *woke)
{
	uint32_t nap;

	// Orders the push before the look at `nap`; the thread does the same the other way round,
	// so one of them sees the other.
	atomic_thread_fence(memory_order_seq_cst);
	nap = atomic_load_explicit(&w->nap, memory_order_relaxed);
	if ((nap & 1) && nap != *woke) {
		*woke = nap;
		sem_post(&w->wake);
	}
}

static void sink(void *arg, enum log_level level, const char *line)
{
	struct log_writer *w = arg;

	if (pthread_equal(pthread_self(), w->control_thread)) {
		log_ring_push(&w->control, level, line);
		wake(w, &w->control_woke);
		return;
	}
	pthread_mutex_lock(&w->helper_lock);
	log_ring_push(&w->helpers, level, line);
	wake(w, &w->helpers_woke);
	pthread_mutex_unlock(&w->helper_lock);
}

static void no_sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

// "*Mar 25 15:17:14.131: line", in UTC; what could steer a terminal is replaced.
static void stamp(const struct log_entry *e, char out[LOG_STAMPED_MAX])
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;

	gmtime_r(&e->when.tv_sec, &tm);
	snprintf(out, LOG_STAMPED_MAX, "*%s %2d %02d:%02d:%02d.%03d: %s", months[tm.tm_mon],
	         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(e->when.tv_nsec / 1000000),
	         e->line);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '.';
}

static void file_close(struct log_writer *w)
{
	if (w->file >= 0)
		close(w->file);
	w->file = -1;
}

static void file_open(struct log_writer *w)
{
	struct log_writer_stats *s = &w->stats;

	file_close(w);
	s->file_error[0] = '\0';
	if (!s->logging.on || !s->logging.file[0])
		return;
	// A pipe that nobody reads must not be waited for.
	w->file =
		open(s->logging.file,
	             O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
	if (w->file < 0 || fstat(w->file, &w->file_stat) < 0) {
		snprintf(s->file_error, sizeof(s->file_error), "%s", strerror(errno));
	} else if (S_ISFIFO(w->file_stat.st_mode) || S_ISSOCK(w->file_stat.st_mode)) {
		snprintf(s->file_error, sizeof(s->file_error), "It is a pipe, not a file");
		close(w->file);
		w->file = -1;
	}
}

// A file that was moved away (logrotate) is opened again.
static void file_follow(struct log_writer *w)
{
	struct stat st;

	if (!w->stats.logging.on || !w->stats.logging.file[0])
		return;
	if (w->file < 0 || stat(w->stats.logging.file, &st) < 0 ||
	    st.st_ino != w->file_stat.st_ino || st.st_dev != w->file_stat.st_dev)
		file_open(w);
}

static void file_flush(struct log_writer *w)
{
	struct text *b = &w->batch;
	size_t done = 0;

	while (w->file >= 0 && done < b->len) {
		ssize_t n = write(w->file, b->data + done, b->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			snprintf(w->stats.file_error, sizeof(w->stats.file_error), "%s",
			         strerror(errno));
			break;
		}
		done += (size_t)n;
	}
	if (done && done == b->len)
		w->stats.file_error[0] = '\0';
	b->len = 0;
	b->failed = false;
}

// A console that nobody reads must not stop the log.
static void console(struct log_writer *w, const char *line)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	char text[LOG_STAMPED_MAX + 1];
	int n = snprintf(text, sizeof(text), "%s\n", line);

	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) &&
	    write(STDERR_FILENO, text, (size_t)n) == n)
		w->stats.console_lines++;
	else
		w->stats.console_lost++;
}

static void tap_push(struct log_tap *t, const char *line)
{
	static const uint64_t one = 1;
	bool was_empty = !t->lines.count;

	if (!lines_push(&t->lines, line, false))
		t->lost++;
	// An eventfd cannot be full after a few ones; a full one is readable all the same.
	if (was_empty && write(t->fd, &one, sizeof(one)) < 0)
		return;
}

static void deliver(struct log_writer *w, const struct log_entry *e)
{
	const struct config_logging *l = &w->stats.logging;
	char line[LOG_STAMPED_MAX];

	stamp(e, line);
	w->stats.logged++;
	if (e->level <= l->console && l->console >= 0)
		console(w, line);
	if (!l->on)
		return;
	if (w->buffer.data)
		lines_push(&w->buffer, line, true);
	for (struct log_tap *t = w->taps; t; t = t->next)
		tap_push(t, line);
	if (w->file >= 0) {
		text_put(&w->batch, line, strlen(line));
		text_put(&w->batch, "\n", 1);
		w->stats.file_lines++;
		if (w->batch.len >= BATCH_BYTES)
			file_flush(w);
	}
}

// Tells that lines were lost, where they are missing.
static void tell_losses(struct log_writer *w)
{
	uint64_t lost = atomic_load_explicit(&w->control.lost, memory_order_relaxed) +
	                atomic_load_explicit(&w->helpers.lost, memory_order_relaxed);
	struct log_entry e = {.level = LOG_WARNING};

	if (lost == w->stats.lost)
		return;
	clock_gettime(CLOCK_REALTIME, &e.when);
	snprintf(e.line, sizeof(e.line), "%%SYS-4-LOGLOST: %llu messages lost, the log is too slow",
	         (unsigned long long)(lost - w->stats.lost));
	w->stats.lost = lost;
	deliver(w, &e);
}

// Tells once that the log file cannot be written: the other destinations go on without it.
static void tell_file(struct log_writer *w)
{
	struct log_entry e = {.level = LOG_ERROR};
	const char *why = w->stats.file_error;

	if (why[0] && !w->file_told) {
		clock_gettime(CLOCK_REALTIME, &e.when);
		snprintf(e.line, sizeof(e.line), "%%SYS-3-LOGFILE: Cannot write log file %s: %s",
		         w->stats.logging.file, why);
		deliver(w, &e);
	}
	w->file_told = why[0];
}

// The ring whose oldest entry is the older one, NULL: both are empty.
static struct log_ring *next_ring(struct log_writer *w)
{
	const struct log_entry *a = log_ring_peek(&w->control), *b = log_ring_peek(&w->helpers);

	if (!a || !b)
		return a ? &w->control : b ? &w->helpers : NULL;
	if (a->when.tv_sec != b->when.tv_sec)
		return a->when.tv_sec < b->when.tv_sec ? &w->control : &w->helpers;
	return a->when.tv_nsec <= b->when.tv_nsec ? &w->control : &w->helpers;
}

// At most DRAIN_LINES under one lock: terminals want it too. False: nothing is left.
static bool drain(struct log_writer *w)
{
	struct log_ring *r = NULL;

	pthread_mutex_lock(&w->lock);
	file_follow(w);
	for (unsigned n = 0; n < DRAIN_LINES && (r = next_ring(w)); n++) {
		deliver(w, log_ring_peek(r));
		log_ring_pop(r);
	}
	tell_losses(w);
	file_flush(w);
	tell_file(w);
	pthread_mutex_unlock(&w->lock);
	return r;
}

static void nap(struct log_writer *w)
{
	struct timespec until;

	// Orders the odd `nap` before the last look into the rings; see wake().
	atomic_fetch_add_explicit(&w->nap, 1, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
	if (!next_ring(w) && !atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += NAP_MS / 1000;
		while (sem_timedwait(&w->wake, &until) < 0 && errno == EINTR)
			;
	}
	atomic_fetch_add_explicit(&w->nap, 1, memory_order_relaxed);
}

static void *writer_main(void *arg)
{
	struct log_writer *w = arg;

	// Acquire: what the stopping thread logged before is seen by the last drain.
	while (!atomic_load_explicit(&w->stop, memory_order_acquire))
		if (drain(w))
			sched_yield();
		else
			nap(w);
	while (drain(w))
		;
	return NULL;
}

// The newest lines that fit stay.
static int resize_buffer(struct log_writer *w, uint32_t size)
{
	char line[LOG_STAMPED_MAX];
	struct lines other = {0};

	if (size && lines_init(&other, size) < 0)
		return -ENOMEM;
	while (size && lines_pop(&w->buffer, line, sizeof(line)))
		lines_push(&other, line, true);
	lines_fini(&w->buffer);
	w->buffer = other;
	return 0;
}

int log_writer_configure(struct log *log, const struct config_logging *logging)
{
	struct log_writer *w = writer_of(log);
	uint32_t buffered;
	int err = 0;

	pthread_mutex_lock(&w->lock);
	if (strcmp(logging->file, w->stats.logging.file) != 0)
		w->file_told = false; // of the other one
	if (logging->buffered != w->stats.logging.buffered)
		err = resize_buffer(w, logging->buffered);
	buffered = err ? w->stats.logging.buffered : logging->buffered;
	w->stats.logging = *logging;
	w->stats.logging.buffered = buffered; // what there is, so that the next one tries again
	w->stats.logging.hosts = NULL;
	w->stats.logging.n_hosts = 0;
	file_open(w);
	tell_file(w);
	pthread_mutex_unlock(&w->lock);
	return err;
}

void log_writer_no_buffer(struct log *log)
{
	log_msg(log, LOG_ERROR, "SYS", "NOMEMORY", "No memory for the log buffer");
}

static void writer_free(struct log_writer *w)
{
	file_close(w);
	text_fini(&w->batch);
	lines_fini(&w->buffer);
	log_ring_fini(&w->control);
	log_ring_fini(&w->helpers);
	sem_destroy(&w->wake);
	free(w);
}

int log_writer_start(struct log *log, const struct config *config)
{
	struct log_writer *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;
	bool buffered;

	if (!w)
		return -ENOMEM;
	w->file = -1;
	w->stats.logging.console = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->helper_lock, NULL);
	sem_init(&w->wake, 0, 0);
	w->control_thread = pthread_self();
	sched_getaffinity(0, sizeof(w->cpus), &w->cpus);
	log->arg = w;
	if (log_ring_init(&w->control, CONTROL_ENTRIES) < 0 ||
	    log_ring_init(&w->helpers, HELPER_ENTRIES) < 0)
		goto fail;
	buffered = log_writer_configure(log, &config->logging) == 0;
	err = -pthread_create(&w->thread, NULL, writer_main, w);
	if (err)
		goto fail;
	pthread_setname_np(w->thread, "vigil-log");
	log->sink = sink;
	if (!buffered)
		log_writer_no_buffer(log);
	return 0;
fail:
	log->arg = NULL;
	writer_free(w);
	return err;
}

void log_writer_stop(struct log *log)
{
	struct log_writer *w = writer_of(log);

	if (!w)
		return;
	// Release: pairs with the acquire in writer_main().
	atomic_store_explicit(&w->stop, true, memory_order_release);
	sem_post(&w->wake);
	pthread_join(w->thread, NULL);
	log->sink = no_sink;
	log->arg = NULL;
	writer_free(w);
}

void log_writer_cpus(const struct log *log, cpu_set_t *out)
{
	*out = writer_of(log)->cpus;
}

void log_writer_stats(const struct log *log, struct log_writer_stats *out)
{
	struct log_writer *w = writer_of(log);

	pthread_mutex_lock(&w->lock);
	w->stats.buffered = w->buffer.count;
	*out = w->stats;
	pthread_mutex_unlock(&w->lock);
}

void log_writer_history(const struct log *log, struct text *out)
{
	struct log_writer *w = writer_of(log);

	pthread_mutex_lock(&w->lock);
	lines_copy(&w->buffer, out);
	pthread_mutex_unlock(&w->lock);
}

void log_writer_clear(struct log *log)
{
	struct log_writer *w = writer_of(log);

	pthread_mutex_lock(&w->lock);
	w->buffer.start = w->buffer.len = 0;
	w->buffer.count = 0;
	pthread_mutex_unlock(&w->lock);
}

struct log_tap *log_tap_open(struct log *log)
{
	struct log_writer *w = writer_of(log);
	struct log_tap *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->fd < 0 || lines_init(&t->lines, TAP_BYTES) < 0) {
		if (t->fd >= 0)
			close(t->fd);
		free(t);
		return NULL;
	}
	pthread_mutex_lock(&w->lock);
	t->next = w->taps;
	w->taps = t;
	w->stats.taps++;
	pthread_mutex_unlock(&w->lock);
	return t;
}

void log_tap_close(struct log *log, struct log_tap *t)
{
	struct log_writer *w = writer_of(log);
	struct log_tap **link = &w->taps;

	pthread_mutex_lock(&w->lock);
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	w->stats.taps--;
	pthread_mutex_unlock(&w->lock);
	close(t->fd);
	lines_fini(&t->lines);
	free(t);
}

int log_tap_fd(const struct log_tap *t)
{
	return t->fd;
}

bool log_tap_next(struct log *log, struct log_tap *t, char line[LOG_STAMPED_MAX], uint64_t *lost)
{
	struct log_writer *w = writer_of(log);
	uint64_t count;
	bool have;

	pthread_mutex_lock(&w->lock);
	*lost = t->lost;
	t->lost = 0;
	have = lines_pop(&t->lines, line, LOG_STAMPED_MAX);
	// Under the lock, so that a line pushed meanwhile makes the descriptor readable again.
	if (!t->lines.count && read(t->fd, &count, sizeof(count)) < 0)
		count = 0; // it was not readable: nothing to take back
	pthread_mutex_unlock(&w->lock);
	return have;
}
