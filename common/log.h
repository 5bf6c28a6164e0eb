// Log lines in IOS form: "%FACILITY-SEVERITY-MNEMONIC: text" for system messages, free text for
// debug. This module only formats; where a line goes is the sink's business, given by the program.
#ifndef VIGIL_COMMON_LOG_H
#define VIGIL_COMMON_LOG_H

#include <stdarg.h>
#include <stdbool.h>

// Syslog severities, as IOS numbers them.
enum log_level {
	LOG_EMERGENCY,
	LOG_ALERT,
	LOG_CRITICAL,
	LOG_ERROR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUGGING,
};

#define LOG_LINE_MAX 512 // bytes with the NUL; a longer line is cut

struct log {
	// Gets one line without time stamp and newline. Called on the thread that logs; must not
	// block.
	void (*sink)(void *arg, enum log_level level, const char *line);
	void *arg;
	bool debug_isakmp; // `debug crypto isakmp`; writer: control core
	bool debug_ipsec;  // `debug crypto ipsec`; writer: control core
};

// e.g. log_msg(log, LOG_NOTICE, "CRYPTO", "SESSION_STATUS", "Crypto tunnel is UP...")
void log_msg(struct log *log, enum log_level level, const char *facility, const char *mnemonic,
             const char *fmt, ...) __attribute__((format(printf, 5, 6)));
// A debug line, only if debug_isakmp is on.
void log_isakmp(struct log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_ipsec(struct log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
