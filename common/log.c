// Formats log lines and hands them to the program's sink. Control core and helper threads, never a
// worker. Must not block: the sink queues.
#include "log.h"

#include <stdio.h>

void log_msg(struct log *log, enum log_level level, const char *facility, const char *mnemonic,
             const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "%%%s-%d-%s: ", facility, level, mnemonic);
	if (n < 0 || (size_t)n >= sizeof(line))
		return;
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	log->sink(log->arg, level, line);
}

static __attribute__((format(printf, 2, 0))) void log_debug(struct log *log, const char *fmt,
                                                            va_list ap)
{
	char line[LOG_LINE_MAX];

	vsnprintf(line, sizeof(line), fmt, ap);
	log->sink(log->arg, LOG_DEBUGGING, line);
}

void log_isakmp(struct log *log, const char *fmt, ...)
{
	va_list ap;

	if (!log->debug_isakmp)
		return;
	va_start(ap, fmt);
	log_debug(log, fmt, ap);
	va_end(ap);
}

void log_ipsec(struct log *log, const char *fmt, ...)
{
	va_list ap;

	if (!log->debug_ipsec)
		return;
	va_start(ap, fmt);
	log_debug(log, fmt, ap);
	va_end(ap);
}
