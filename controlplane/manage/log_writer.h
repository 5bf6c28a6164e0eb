// Where log lines go: the log file, the console, the buffer of `show logging`, terminals that ask
// for them. Lines are queued by whoever logs and written by one thread, so that logging never
// blocks.
#ifndef VIGIL_MANAGE_LOG_WRITER_H
#define VIGIL_MANAGE_LOG_WRITER_H

#include <sched.h>

#include "config.h"
#include "log.h"

struct log_tap;
struct text;

#define LOG_STAMPED_MAX (LOG_LINE_MAX + 32) // bytes of a line with its time stamp and NUL

// Starts the writer thread and makes it the sink of *log. The caller is the control core from now
// on: its lines take a queue without locks, those of other threads one with a lock. 0 or -errno.
int log_writer_start(struct log *log, const struct config *config);
// Writes what is queued, ends the thread; later lines are dropped. What a destination that hangs
// has not taken within some seconds is lost.
void log_writer_stop(struct log *log);
// Says that there was no memory for the buffer.
void log_writer_no_buffer(struct log *log);
// New destinations; any helper thread. 0 or -ENOMEM (the buffer stays as it was). A file that
// cannot be opened is told in the log, and tried again; log_writer_stats() knows when this returns,
// unless a file takes longer than a second to open.
int log_writer_configure(struct log *log, const struct config_logging *logging);
// The CPUs on which the process was allowed to run before its cores were bound.
void log_writer_cpus(const struct log *log, cpu_set_t *out);

struct log_writer_stats {
	uint64_t logged, lost; // lines
	uint64_t file_lines;
	uint64_t console_lines, console_lost;
	uint64_t buffered;             // lines in the buffer
	uint32_t taps;                 // terminals that monitor
	struct config_logging logging; // without its hosts
	char file_error[64];           // why the file cannot be written, "" = it can
};
void log_writer_stats(const struct log *log, struct log_writer_stats *out);
// The buffer's lines, oldest first.
void log_writer_history(const struct log *log, struct text *out);
// Empties the buffer.
void log_writer_clear(struct log *log);

// A terminal that monitors. NULL with errno.
struct log_tap *log_tap_open(struct log *log);
void log_tap_close(struct log *log, struct log_tap *t);
// Readable (poll) when a line waits.
int log_tap_fd(const struct log_tap *t);
// Takes the oldest line; *lost is how many did not fit since the last call. False: none waits.
bool log_tap_next(struct log *log, struct log_tap *t, char line[LOG_STAMPED_MAX], uint64_t *lost);

#endif
