// The log's writer thread and its destinations. The sink runs on the thread that logs and must not
// block: the control core's lines go through a ring without locks, and the thread is woken at most
// once for each time that it went to sleep. A destination that does not keep up loses lines, which
// are counted and told; it never holds up who logs. Nothing is opened or written with the lock
// held: a file on a server that is away holds up this thread alone.
#include "log_writer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lines.h"
#include "log_console.h"
#include "log_file.h"
#include "log_ring.h"
#include "text.h"

#define CONTROL_ENTRIES 4096
#define HELPER_ENTRIES  256
#define TAP_BYTES       (256 << 10)
#define DRAIN_LINES     256
#define NAP_S           1 // look at least so often whether the file was moved away
#define CONFIGURE_S     1 // for which whoever configures waits to hear whether a file opens
#define STOP_S          3 // for which the end waits for a destination that hangs

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

	// The writer thread's own.
	struct log_console console;
	struct log_file file;
	bool file_told; // that it cannot be written
	uint64_t lost_told;

	pthread_mutex_t lock; // all below; never taken on the control core while it runs
	pthread_cond_t heard; // `opened` follows `configured`
	uint32_t configured;  // how often there were new destinations,
	uint32_t opened;      // and those of them that the thread writes to
	struct log_writer_stats stats;
	struct lines buffer;
	struct log_tap *taps;
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

// Into memory: the buffer, and what waits for terminals. Says where else the line goes.
static void keep(struct log_writer *w, int level, const char *line, bool *console, bool *file)
{
	const struct config_logging *l = &w->stats.logging;

	pthread_mutex_lock(&w->lock);
	w->stats.logged++;
	*console = level <= l->console && l->console >= 0;
	*file = l->on;
	if (l->on && w->buffer.data)
		lines_push(&w->buffer, line, true);
	for (struct log_tap *t = l->on ? w->taps : NULL; t; t = t->next)
		tap_push(t, line);
	pthread_mutex_unlock(&w->lock);
}

static void deliver(struct log_writer *w, const struct log_entry *e)
{
	char line[LOG_STAMPED_MAX];
	bool console, file;

	stamp(e, line);
	keep(w, e->level, line, &console, &file);
	if (console)
		log_console_put(&w->console, line);
	if (file)
		log_file_put(&w->file, line);
}

// Tells that lines were lost, where they are missing.
static void tell_losses(struct log_writer *w)
{
	uint64_t lost = atomic_load_explicit(&w->control.lost, memory_order_relaxed) +
	                atomic_load_explicit(&w->helpers.lost, memory_order_relaxed);
	struct log_entry e = {.level = LOG_WARNING};

	if (lost == w->lost_told)
		return;
	clock_gettime(CLOCK_REALTIME, &e.when);
	snprintf(e.line, sizeof(e.line), "%%SYS-4-LOGLOST: %llu messages lost, the log is too slow",
	         (unsigned long long)(lost - w->lost_told));
	w->lost_told = lost;
	deliver(w, &e);
}

// Tells once that the log file cannot be written: the other destinations go on without it.
static void tell_file(struct log_writer *w)
{
	struct log_entry e = {.level = LOG_ERROR};
	const char *why = w->file.error;

	if (why[0] && !w->file_told) {
		clock_gettime(CLOCK_REALTIME, &e.when);
		snprintf(e.line, sizeof(e.line), "%%SYS-3-LOGFILE: Cannot write log file %s: %s",
		         w->file.path, why);
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

// What `show logging` says of the thread's own.
static void publish(struct log_writer *w)
{
	struct log_writer_stats *s = &w->stats;

	pthread_mutex_lock(&w->lock);
	s->lost = w->lost_told;
	s->console_lines = w->console.lines;
	s->console_lost = w->console.lost;
	s->file_lines = w->file.lines;
	memcpy(s->file_error, w->file.error, sizeof(s->file_error));
	pthread_mutex_unlock(&w->lock);
}

// Turns to the destinations that were configured last, if they are new.
static void follow_configuration(struct log_writer *w)
{
	const struct config_logging *l = &w->stats.logging;
	char path[sizeof(l->file)];
	uint32_t configured;

	pthread_mutex_lock(&w->lock);
	configured = w->configured;
	snprintf(path, sizeof(path), "%s", l->on ? l->file : "");
	pthread_mutex_unlock(&w->lock);
	if (configured == w->opened) // which nobody else writes
		return;
	if (strcmp(path, w->file.path) != 0)
		w->file_told = false; // of the other one
	log_file_open(&w->file, path);
	tell_file(w);
	publish(w);
	pthread_mutex_lock(&w->lock);
	w->opened = configured;
	pthread_cond_broadcast(&w->heard);
	pthread_mutex_unlock(&w->lock);
}

// At most DRAIN_LINES, so that new destinations are soon turned to. False: nothing is left.
static bool drain(struct log_writer *w)
{
	struct log_ring *r = NULL;

	(void)log_console_flush(&w->console);
	follow_configuration(w);
	log_file_follow(&w->file);
	for (unsigned n = 0; n < DRAIN_LINES && (r = next_ring(w)); n++) {
		deliver(w, log_ring_peek(r));
		log_ring_pop(r);
	}
	tell_losses(w);
	log_file_flush(&w->file);
	tell_file(w);
	publish(w);
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
		until.tv_sec += NAP_S;
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

static struct timespec in_seconds(unsigned s)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += s;
	return at;
}

// Until the thread has turned to what was just configured, under the lock; not for long, since it
// may hang at a file.
static void wait_heard(struct log_writer *w)
{
	struct timespec until = in_seconds(CONFIGURE_S);
	uint32_t wanted = w->configured;

	while ((int32_t)(w->opened - wanted) < 0)
		if (pthread_cond_timedwait(&w->heard, &w->lock, &until))
			return;
}

int log_writer_configure(struct log *log, const struct config_logging *logging)
{
	struct log_writer *w = writer_of(log);
	uint32_t buffered;
	int err = 0;

	pthread_mutex_lock(&w->lock);
	if (logging->buffered != w->stats.logging.buffered)
		err = resize_buffer(w, logging->buffered);
	buffered = err ? w->stats.logging.buffered : logging->buffered;
	w->stats.logging = *logging;
	w->stats.logging.buffered = buffered; // what there is, so that the next one tries again
	w->stats.logging.hosts = NULL;
	w->stats.logging.n_hosts = 0;
	w->configured++;
	sem_post(&w->wake);
	wait_heard(w);
	pthread_mutex_unlock(&w->lock);
	return err;
}

void log_writer_no_buffer(struct log *log)
{
	log_msg(log, LOG_ERROR, "SYS", "NOMEMORY", "No memory for the log buffer");
}

static void writer_free(struct log_writer *w)
{
	log_console_close(&w->console);
	log_file_close(&w->file);
	lines_fini(&w->buffer);
	log_ring_fini(&w->control);
	log_ring_fini(&w->helpers);
	sem_destroy(&w->wake);
	pthread_cond_destroy(&w->heard);
	free(w);
}

static struct log_writer *writer_make(void)
{
	struct log_writer *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return NULL;
	w->file.fd = -1;
	w->stats.logging.console = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->helper_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->heard, &attr);
	pthread_condattr_destroy(&attr);
	sem_init(&w->wake, 0, 0);
	w->control_thread = pthread_self();
	sched_getaffinity(0, sizeof(w->cpus), &w->cpus);
	log_console_open(&w->console);
	return w;
}

int log_writer_start(struct log *log, const struct config *config)
{
	struct log_writer *w = writer_make();
	int err = -ENOMEM;

	if (!w)
		return -ENOMEM;
	if (log_ring_init(&w->control, CONTROL_ENTRIES) < 0 ||
	    log_ring_init(&w->helpers, HELPER_ENTRIES) < 0)
		goto fail;
	err = -pthread_create(&w->thread, NULL, writer_main, w);
	if (err)
		goto fail;
	pthread_setname_np(w->thread, "vigil-log");
	log->arg = w;
	log->sink = sink;
	if (log_writer_configure(log, &config->logging) < 0)
		log_writer_no_buffer(log);
	return 0;
fail:
	writer_free(w);
	return err;
}

void log_writer_stop(struct log *log)
{
	struct log_writer *w = writer_of(log);
	struct timespec until = in_seconds(STOP_S);
	bool ended;

	if (!w)
		return;
	// Release: pairs with the acquire in writer_main().
	atomic_store_explicit(&w->stop, true, memory_order_release);
	sem_post(&w->wake);
	ended = pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
	log->sink = no_sink;
	log->arg = NULL;
	if (ended) // else all of it is still the thread's
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
